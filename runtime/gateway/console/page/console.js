// The console of an EchoStream node: what it serves, what it answers, what it is doing. docs/console.md.
import {byId} from "./console/dom.js";
import {Monitor} from "./console/monitor.js";
import {NodeLink} from "./console/node_link.js";
import {RequestPanel} from "./console/request_panel.js";
import {ResultPanel} from "./console/result_panel.js";
import {ServiceList} from "./console/services.js";

const monitor = new Monitor();
const request = new RequestPanel(new ResultPanel());
let schema;
let known = "";

const services = new ServiceList((service, method) => {
  history.replaceState(undefined, "", `#${service.name}/${method.name}`);
  services.mark(`${service.name}/${method.name}`);
  request.show(schema, service, method);
});

function showLink(text, kind) {
  if (byId("link").textContent !== text) byId("link").textContent = text;
  byId("link").className = `link ${kind}`;
}

/** The method in the page's address, if the node has it. */
function chooseByAddress(list) {
  const [serviceName, methodName] = location.hash.slice(1).split("/");
  const service = list.find((one) => one.name === serviceName);
  const method = service?.methods?.find((one) => one.name === methodName);
  if (!method) return;
  services.mark(`${serviceName}/${methodName}`);
  request.show(schema, service, method);
}

// What the page shows of itself to a node that asks for it; forgotten with the page.
const kRefusals = ["unauthenticated", "permission_denied"];
const ownMetadata = () => (byId("token").value.trim() ? [["authorization", byId("token").value.trim()]] : []);
request.ownMetadata = ownMetadata;

function whatIsWrong(error, isWatchRefused) {
  if (isWatchRefused) return "Calls work, but the node does not show here what it is doing";
  return kRefusals.includes(error.code) ? "The node refuses" : "The node is not there";
}

const link = new NodeLink({
  metadata: ownMetadata,
  onServices(description) {
    // What somebody is writing stays, unless the node serves something else than before.
    monitor.forget();
    if (description.text === known) return;
    known = description.text;
    schema = description.schema;
    services.show(description.services);
    chooseByAddress(description.services);
  },
  onSnapshot: (snapshot) => monitor.show(snapshot),
  onUp() {
    byId("banner").hidden = true;
    showLink("connected", "up");
  },
  onDown(error, pauseMs, isWatchRefused) {
    byId("banner-text").textContent =
      `${whatIsWrong(error, isWatchRefused)} (${error.code}: ${error.message}). ` +
      `Next try in ${Math.round(pauseMs / 1000)} s.`;
    byId("token-label").hidden = !kRefusals.includes(error.code) && ownMetadata().length === 0;
    byId("banner").hidden = false;
    if (isWatchRefused) showLink("calls only", "partly");
    else showLink("not connected", "down");
  },
});

byId("node").textContent = location.host;
byId("retry").addEventListener("click", () => link.retry());
byId("token").addEventListener("keydown", (event) => event.key === "Enter" && link.retry());
link.run();
