// The personal feed: made, shown once, given a new address, ended.
import { $, send, toast } from "../lib.js";
import { say } from "./dates.js";

const box = $("[data-feed]");
const everything = $("[data-feed-everything]", box);
const make = $("[data-feed-make]");
const revoke = $("[data-feed-revoke]");

function form() {
  const data = new FormData();
  if (everything.checked) data.set("everything", "1");
  return data;
}
function draw(exists, url = "") {
  box.dataset.exists = exists ? "1" : "0";
  $("[data-feed-address]", box).hidden = !url;
  $("#feed-url").textContent = url;
  $("[data-feed-have]", box).hidden = !exists || Boolean(url);
  revoke.hidden = !exists;
  make.textContent = exists ? make.dataset.new : make.dataset.first;
}
async function run(url, done) {
  try { done(await send(url, { form: form() })); }
  catch (error) { toast(error.message, { kind: "error" }); }
}
make.onclick = () => run("/calendar/feed", ({ url }) => { draw(true, url); toast(say.feedMade); });
revoke.onclick = () => run("/calendar/feed/revoke", () => { draw(false); toast(say.feedEnded); });
everything.onchange = () => { if (box.dataset.exists === "1") run("/calendar/feed/change", () => toast(say.feedSaved)); };
$("[data-feed-copy]", box).onclick = async (event) => {
  await navigator.clipboard.writeText($("#feed-url").textContent);
  toast(event.target.closest("button").dataset.copied);
};
