import SwaggerUI from "../node_modules/swagger-ui-dist/swagger-ui-bundle.js";
import "../node_modules/swagger-ui-dist/swagger-ui.css";
import { csrf } from "./lib.js";

const node = document.getElementById("swagger");
SwaggerUI({
  url: node.dataset.url,
  domNode: node,
  requestInterceptor: (request) => { request.headers["X-CSRFToken"] = csrf(); return request; },
});
