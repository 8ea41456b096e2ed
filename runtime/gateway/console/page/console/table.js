// A table whose rows come and go while somebody reads it: rows that stay are changed in place.
import {h} from "./dom.js";

export class Table {
  #body = h("tbody");
  #count = h("span", {class: "quiet"});
  #empty;
  #columns;
  #rows = new Map();
  #onChoose;
  #chosen;

  /**
   * `columns`: [{title, hint, text(row), isNumber}], the first one names the row and chooses it. onChoose(id) is called
   * when somebody does.
   */
  constructor(place, title, columns, empty, onChoose) {
    this.#columns = columns;
    this.#onChoose = onChoose;
    this.#empty = h("p", {class: "empty"}, empty);
    this.#empty.hidden = true; // until it is known
    const heads = columns.map(({title: text, hint = "", isNumber}) =>
      h("th", {scope: "col", title: hint, class: isNumber ? "number" : ""}, text),
    );
    place.replaceChildren(
      h("h2", {}, title, " ", this.#count),
      h(
        "div",
        {class: "scroll", tabIndex: 0, role: "region", "aria-label": title},
        h("table", {}, h("thead", {}, h("tr", {}, heads)), this.#body),
        this.#empty,
      ),
    );
  }

  get chosen() {
    return this.#chosen;
  }
  choose(id) {
    this.#chosen = id;
    for (const [key, row] of this.#rows)
      row.button.setAttribute("aria-pressed", key === id ? "true" : "false");
  }

  /** `rows` have an `id` each; `total` is how many there are, which may be more. */
  show(rows, total) {
    this.#count.textContent = total > rows.length ? `${total}, ${rows.length} shown` : `${total}`;
    this.#empty.hidden = rows.length > 0;
    const left = new Set(this.#rows.keys());
    for (const row of rows) {
      left.delete(row.id);
      const known = this.#rows.get(row.id) ?? this.#add(row.id);
      this.#columns.forEach((column, index) => {
        const text = column.text(row);
        const target = index === 0 ? known.button : known.cells[index];
        if (target.textContent !== text) target.textContent = text;
        if (index === 0 && target.title !== (row.hint ?? "")) target.title = row.hint ?? "";
      });
    }
    for (const id of left) {
      this.#rows.get(id).element.remove();
      this.#rows.delete(id);
      if (this.#chosen === id) this.#chosen = undefined;
    }
  }

  #add(id) {
    const button = h("button", {
      type: "button",
      "aria-pressed": String(id === this.#chosen),
      onclick: () => {
        this.choose(id);
        this.#onChoose(id);
      },
    });
    const cells = this.#columns.map(({isNumber}, index) =>
      h(
        index === 0 ? "th" : "td",
        {class: isNumber ? "number" : "", scope: index === 0 ? "row" : undefined},
        index === 0 ? button : "",
      ),
    );
    const element = h("tr", {}, cells);
    this.#body.append(element);
    const row = {element, button, cells};
    this.#rows.set(id, row);
    return row;
  }
}
