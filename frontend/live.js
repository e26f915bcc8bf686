// The live channel: one connection, opened when the page is idle; missed changes are asked for.
import { io } from "socket.io-client";
import { $$ } from "./lib.js";

let socket = null;
const waiting = [];
let seq = null;

export function on(event, handler) {
  if (socket) socket.on(event, handler);
  else waiting.push([event, handler]);
}

export function connect() {
  if (socket || document.body.dataset.live !== "1") return;
  socket = io("/app", { transports: ["websocket"], reconnectionDelayMax: 10000 });
  for (const [event, handler] of waiting) socket.on(event, handler);
  socket.on("connect", () => {
    document.documentElement.dataset.connected = "1";
    socket.emit("sync", { since: seq }, (answer) => {
      if (!answer || answer.error) return;
      if (answer.reload) return document.dispatchEvent(new CustomEvent("live:reload"));
      const missed = seq !== null;
      seq = answer.seq;
      if (missed) for (const event of answer.events) document.dispatchEvent(new CustomEvent("live:missed", { detail: event }));
    });
  });
  socket.on("disconnect", (reason) => {
    delete document.documentElement.dataset.connected;
    // The server ends a connection whose rights have changed; a new one gets those of now, if any.
    if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  });
  socket.on("badge", ({ unread }) => {
    for (const node of $$("[data-unread]")) {
      node.textContent = unread > 99 ? "99+" : unread;
      node.hidden = unread === 0;
    }
  });
}
