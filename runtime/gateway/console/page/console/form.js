// A form for a message of any type, or for a list of them: shows a value in JSON's terms, and changes it in place.
import {button, h, newId} from "./dom.js";
import {isSimple, makeInput} from "./inputs.js";
import {elementPath, memberPath} from "./json_text.js";
import {typeText} from "./schema.js";

const kNothing = "This message has no fields.";

/** What a field has when it is just added. */
function firstValue(schema, field) {
  if (field.kind === "message") return isSimple(field) ? "" : {};
  if (field.kind === "bool") return false;
  if (field.kind === "enum") return schema.enum(field.typeName)?.values[0]?.name ?? 0;
  if (field.kind === "string" || field.kind === "bytes") return "";
  return field.kind.endsWith("64") ? "0" : 0;
}

/** The path of what `path` is a part of. */
function parentPath(path) {
  const parent = path.replace(/(\.?[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\]|\["([^"\\]|\\.)*"\])$/, "");
  return parent === path ? "" : parent;
}

export class Form {
  element = h("div", {class: "form"});
  #schema;
  #typeName;
  #isList;
  #onEdit;
  #rows = new Map();
  #value;

  /** onEdit() is called after each change that somebody made here. */
  constructor(schema, typeName, isList, onEdit) {
    this.#schema = schema;
    this.#typeName = typeName;
    this.#isList = isList;
    this.#onEdit = onEdit;
  }

  get value() {
    return this.#value;
  }

  /** Another value: of the right shape, or as wrong as what was written; then what is wrong is left out. */
  show(value) {
    this.#value = value;
    this.#rows.clear();
    const slot = {path: "", get: () => this.#value, set: (next) => this.#store(() => (this.#value = next))};
    const field = {kind: "message", typeName: this.#typeName, repeated: this.#isList, jsonName: "messages"};
    this.element.replaceChildren(this.#isList ? this.#list(field, slot) : this.#body(this.#typeName, slot));
  }

  /** [{path, message}]: each beside its field, or beside the nearest one around it. Those that found no place. */
  showErrors(errors) {
    for (const {error, input} of this.#rows.values()) {
      error.hidden = true;
      error.textContent = "";
      input?.removeAttribute("aria-invalid");
    }
    return errors.filter(({path, message}) => {
      let at = path;
      while (at !== "" && !this.#rows.has(at)) at = parentPath(at);
      const row = this.#rows.get(at);
      if (!row) return true;
      row.error.textContent = [row.error.textContent, message].filter(Boolean).join("; ");
      row.error.hidden = false;
      row.input?.setAttribute("aria-invalid", "true");
      return false;
    });
  }

  #store(change) {
    change();
    this.#onEdit();
  }

  #errorOf(path, input) {
    const error = h("p", {class: "error", hidden: true, id: newId()});
    input?.setAttribute("aria-describedby", error.id);
    this.#rows.set(path, {error, input});
    return error;
  }

  #member(slot, field) {
    const nameIn = (object) => (field.name in object ? field.name : field.jsonName);
    const object = () => {
      const now = slot.get();
      return typeof now === "object" && now !== null && !Array.isArray(now) ? now : {};
    };
    return {
      path: memberPath(slot.path, nameIn(object())),
      get: () => object()[nameIn(object())] ?? undefined,
      set: (value) =>
        this.#store(() => {
          const holder = object();
          if (value === undefined) delete holder[nameIn(holder)];
          else holder[nameIn(holder)] = value;
          if (slot.get() !== holder) slot.set(holder);
        }),
    };
  }

  // ---- Parts of a message.

  #body(typeName, slot) {
    const type = this.#schema.message(typeName);
    if (!type)
      return h("p", {class: "empty"}, `The node has not told what ${typeName} is; write JSON below.`);
    const shown = new Set();
    const rows = type.fields.map((field) => {
      if (!field.oneof) return this.#field(field, this.#member(slot, field));
      if (shown.has(field.oneof)) return undefined;
      shown.add(field.oneof);
      return this.#oneof(field.oneof, slot);
    });
    const error = this.#errorOf(slot.path);
    return h("div", {class: "body"}, error, rows.length ? rows : h("p", {class: "empty"}, kNothing));
  }

  #field(field, slot, options = {}) {
    if (this.#schema.mapEntry(field)) return this.#map(field, slot);
    if (field.repeated) return this.#list(field, slot);
    if (isSimple(field)) return this.#simple(field, slot, field.jsonName, options);
    return this.#message(field, slot, options);
  }

  #simple(field, slot, name, options, remove) {
    const {input, beside} = makeInput(this.#schema, field, slot, options);
    input.id = newId();
    const label = h("label", {htmlFor: input.id}, name, h("span", {class: "type"}, this.#typeOf(field)));
    return h(
      "div",
      {class: "row"},
      label,
      h("div", {class: "control"}, input, beside, remove),
      this.#errorOf(slot.path, input),
    );
  }

  #typeOf(field) {
    const text = typeText(this.#schema, {...field, repeated: false});
    return text.includes(".") && field.kind === "enum" ? text.slice(text.lastIndexOf(".") + 1) : text;
  }

  #message(field, slot, {isFixed = false} = {}) {
    const holder = h("div", {class: "group"});
    const build = () => {
      const isSet = isFixed || slot.get() !== undefined;
      const toggle = isFixed
        ? undefined
        : button(
            isSet ? "Clear" : "Set",
            () => {
              slot.set(isSet ? undefined : {});
              build();
              holder.querySelector("button")?.focus();
            },
            {"aria-label": `${isSet ? "Clear" : "Set"} ${field.jsonName}`},
          );
      holder.replaceChildren(
        this.#group(
          field.jsonName,
          this.#typeOf(field),
          toggle,
          isSet ? this.#body(field.typeName, slot) : undefined,
        ),
      );
      if (!isSet) holder.append(this.#errorOf(slot.path));
    };
    build();
    return holder;
  }

  // A part that can be folded when it has a body.
  #group(name, type, controls, body) {
    const title = [h("span", {class: "name"}, name), h("span", {class: "type"}, type)];
    const head = h("div", {class: "group-head"}, controls);
    if (!body) return h("div", {class: "fold"}, h("div", {class: "summary"}, title), head);
    return h("div", {class: "fold"}, h("details", {open: true}, h("summary", {}, title), body), head);
  }

  #oneof(oneof, slot) {
    const chosen = () => oneof.fields.find((field) => this.#member(slot, field).get() !== undefined);
    const select = h(
      "select",
      {id: newId()},
      h("option", {value: ""}, "not set"),
      oneof.fields.map((field) => h("option", {value: field.jsonName}, field.jsonName)),
    );
    const place = h("div", {class: "chosen"});
    const build = () => {
      const field = chosen();
      select.value = field?.jsonName ?? "";
      place.replaceChildren(
        field ? this.#field(field, this.#member(slot, field), {keepsDefault: true, isFixed: true}) : "",
      );
    };
    select.addEventListener("change", () => {
      const next = oneof.fields.find((field) => field.jsonName === select.value);
      for (const field of oneof.fields) {
        const member = this.#member(slot, field);
        if (member.get() !== undefined) member.set(undefined);
      }
      if (next) this.#member(slot, next).set(firstValue(this.#schema, next));
      build();
    });
    build();
    return h(
      "div",
      {class: "group"},
      h(
        "div",
        {class: "row"},
        h("label", {htmlFor: select.id}, oneof.name, h("span", {class: "type"}, "one of")),
        h("div", {class: "control"}, select),
      ),
      place,
    );
  }

  // ---- Lists and maps.

  #element(field, slot, name, remove) {
    const single = {...field, repeated: false, hasPresence: false, oneof: undefined};
    if (isSimple(single)) return this.#simple(single, slot, name, {keepsDefault: true}, remove);
    return h(
      "div",
      {class: "group"},
      this.#group(name, this.#typeOf(single), remove, this.#body(field.typeName, slot)),
    );
  }

  #list(field, slot) {
    const holder = h("div", {class: "group"});
    const values = () => (Array.isArray(slot.get()) ? slot.get() : []);
    const build = (focusLast) => {
      const items = values().map((_, index) => {
        const element = {
          path: elementPath(slot.path, index),
          get: () => values()[index],
          set: (value) => this.#store(() => (values()[index] = value)),
        };
        const remove = button(
          "Remove",
          () => {
            const rest = values().filter((__, i) => i !== index);
            slot.set(rest.length > 0 || this.#isRoot(slot) ? rest : undefined);
            build();
          },
          {"aria-label": `Remove element ${index}`},
        );
        return this.#element(field, element, `${index}`, remove);
      });
      const add = button(
        "Add",
        () => {
          slot.set([...values(), firstValue(this.#schema, field)]);
          build(true);
        },
        {"aria-label": `Add to ${field.jsonName}`},
      );
      holder.replaceChildren(
        this.#group(
          `${field.jsonName} (${items.length})`,
          typeText(this.#schema, field),
          add,
          items.length ? h("div", {class: "body"}, items) : undefined,
        ),
        this.#errorOf(slot.path),
      );
      if (focusLast)
        [...holder.querySelectorAll(".body > :last-child :is(input, textarea, select)")].at(0)?.focus();
    };
    build();
    return holder;
  }
  #isRoot(slot) {
    return slot.path === "";
  }

  #map(field, slot) {
    const holder = h("div", {class: "group"});
    const entry = this.#schema.mapEntry(field);
    const values = () => {
      const now = slot.get();
      return typeof now === "object" && now !== null && !Array.isArray(now) ? now : {};
    };
    const put = (entries) => slot.set(entries.length ? Object.fromEntries(entries) : undefined);
    const build = () => {
      const items = Object.keys(values()).map((key) => this.#mapItem(entry, slot, key, values, put, build));
      const add = button(
        "Add",
        () => {
          let key = entry.key.kind === "string" ? "" : entry.key.kind === "bool" ? "false" : "0";
          for (let i = 1; Object.hasOwn(values(), key) && i < 1000; ++i)
            key = entry.key.kind === "string" ? `key${i}` : String(i);
          put([...Object.entries(values()), [key, firstValue(this.#schema, entry.value)]]);
          build();
        },
        {"aria-label": `Add to ${field.jsonName}`},
      );
      holder.replaceChildren(
        this.#group(
          `${field.jsonName} (${items.length})`,
          typeText(this.#schema, field),
          add,
          items.length ? h("div", {class: "body"}, items) : undefined,
        ),
        this.#errorOf(slot.path),
      );
    };
    build();
    return holder;
  }

  #mapItem(entry, slot, key, values, put, build) {
    const value = {
      path: memberPath(slot.path, key),
      get: () => values()[key],
      set: (next) => this.#store(() => (values()[key] = next)),
    };
    const remove = button(
      "Remove",
      () => {
        put(Object.entries(values()).filter(([name]) => name !== key));
        build();
      },
      {"aria-label": `Remove ${key}`},
    );
    const input = h("input", {value: key, "aria-label": "key", class: "key", autocomplete: "off"});
    input.addEventListener("change", () => {
      if (Object.hasOwn(values(), input.value)) {
        input.setCustomValidity(`the key "${input.value}" is there already`);
        input.reportValidity();
        return;
      }
      put(Object.entries(values()).map(([name, content]) => [name === key ? input.value : name, content]));
      build();
    });
    return h("div", {class: "entry"}, input, this.#element(entry.value, value, "value", remove));
  }
}
