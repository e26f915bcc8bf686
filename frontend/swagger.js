import SwaggerUI from "../node_modules/swagger-ui-dist/swagger-ui-bundle.js";
import "./css/swagger.css";
import { csrf } from "./lib.js";

document.documentElement.classList.toggle("dark-mode", document.documentElement.classList.contains("dark"));
const node = document.getElementById("swagger");
SwaggerUI({
  url: node.dataset.url,
  domNode: node,
  requestInterceptor: (request) => { request.headers["X-CSRFToken"] = csrf(); return request; },
});
