// Elements, made in one call each.

let lastId = 0;
/** An id that no other element of the page has. */
export const newId = () => `n${++lastId}`;

/**
 * h("button", {class: "x", onclick: f, "aria-label": "y"}, "text", element, ...). What an element has as a property is
 * set as one, everything else as an attribute; undefined and false leave an attribute out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name in element && !name.startsWith("aria-") && name !== "list") element[name] = value;
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
}

export const byId = (id) => document.getElementById(id);

export function button(text, onclick, properties = {}) {
  return h("button", {type: "button", onclick, ...properties}, text);
}

/** A label with a text and what stands beside it. */
export function badge(text, kind = "", title = "") {
  return h("span", {class: `badge ${kind}`, title}, text);
}
