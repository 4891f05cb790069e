// Needs that move. The judge runs in a worker, which is this function in a file of its own: it unpacks the module and the
// trials once, and decides at every move.
const judge = () => {
  let page;
  const unpacked = async (base64) => {
    const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  };
  const told = (name, bytes) => {
    const at = page.room(bytes.length);
    new Uint8Array(page.memory.buffer, at, bytes.length).set(bytes);
    const length = page[name]();
    return new TextDecoder().decode(new Uint8Array(page.memory.buffer, page.answer(), length));
  };
  onmessage = async ({ data }) => {
    try {
      if (data.module) {
        page = (await WebAssembly.instantiate(await unpacked(data.module))).instance.exports;
        const fault = told("open", await unpacked(data.trials));
        postMessage(fault ? { fault } : { ready: true });
      } else {
        postMessage({ asked: data.needs, ...JSON.parse(told("decide", new TextEncoder().encode(data.needs))) });
      }
    } catch (error) {
      postMessage({ fault: String(error) });
    }
  };
};

const moving = () => {
  const STEPS = 200;
  const root = document.documentElement;
  const get = (id) => document.getElementById(id);
  const [form, fields, said, reset] = ["needs-form", "needs-fields", "needs-said", "needs-reset"].map(get);
  const rows = [...form.querySelectorAll(".need")];
  const field = (row) => row.querySelector("select, input:not(.slide)");
  const slide = (row) => row.querySelector(".slide");
  const read = (row) => (field(row).type === "checkbox" ? String(field(row).checked) : field(row).value.trim());
  const put = (row, value) => {
    if (field(row).type === "checkbox") field(row).checked = value === "true";
    else field(row).value = value;
  };

  // Where a value stands on its slider, and back; an absent need stands at the open end.
  const place = (row, value) => {
    const { least, most, log, open } = row.dataset;
    if (value === "") return open === "end" ? STEPS : 0;
    const [low, high, at] = [least, most, value].map(Number);
    const part = log === "true" ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low);
    return Math.round(Math.min(Math.max(part, 0), 1) * STEPS) || 0;
  };
  const value = (row, position) => {
    const { least, most, log, open } = row.dataset;
    if ((open === "end" && position === STEPS) || (open === "start" && position === 0)) return "";
    const [low, high, part] = [Number(least), Number(most), position / STEPS];
    if (log !== "true") return String(Number((low + part * (high - low)).toFixed(3)));
    const at = Number((low * (high / low) ** part).toPrecision(3));
    return String(row.dataset.key === "volume_per_day" ? Math.round(at) : at);
  };
  const words = (row, value) => {
    if (row.dataset.key === "goal") return field(row).querySelector(`[value="${value}"]`).textContent;
    if (row.dataset.key === "stay_local") return value === "true" ? "yes" : "no";
    return value === "" ? row.dataset.none : `${value} ${row.dataset.unit}`;
  };
  const differs = (row) => read(row) !== row.dataset.set;

  const sorted = (section) =>
    [...section.querySelectorAll("table.sortable")].map((table) => {
      const head = table.tHead.rows[0].querySelector("[aria-sort]");
      return head && { column: head.cellIndex, up: head.getAttribute("aria-sort") === "ascending" };
    });
  // A section in the place of itself, with its tables sorted and its parts open as the reader left them.
  const swap = (id, html) => {
    const before = get(id);
    if (!before) return;
    const orders = sorted(before);
    const open = [...before.querySelectorAll("details")].map((part) => part.open);
    before.outerHTML = html;
    const after = get(id);
    if (!after) return;
    after.querySelectorAll("details").forEach((part, at) => (part.open = open[at] ?? part.open));
    after.querySelectorAll("table.sortable").forEach((table, at) => {
      sortable(table);
      const order = orders[at];
      const button = order && table.tHead.rows[0].cells[order.column]?.querySelector("button");
      for (let click = 0; button && click < (order.up ? 2 : 1); click++) button.click();
    });
  };

  const folder = location.pathname.split("/").at(-2) ?? "";
  const run = /^[\w.@-]+$/.test(folder) ? folder : "RUN";
  // What is under the reader's hand stays there, however long what stands above it becomes.
  const steady = (change) => {
    const top = form.getBoundingClientRect().top;
    change();
    if (form.contains(document.activeElement)) {
      scrollBy({ top: form.getBoundingClientRect().top - top, behavior: "instant" });
    }
  };
  const isSeen = (id) => {
    const box = get(id)?.getBoundingClientRect();
    return box && box.bottom > 0 && box.top < innerHeight;
  };
  // Sections that the reader does not see come after those that they do: most of a page lies elsewhere, and would be waited for.
  const later = new Map();
  const settle = (asked) => {
    if (root.dataset.shown !== asked || (root.dataset.needs === asked && later.size === 0)) return;
    steady(() => later.forEach((html, id) => swap(id, html)));
    later.clear();
    root.dataset.needs = asked;
    document.dispatchEvent(new Event("settled"));
  };
  let shown = false;
  const show = (reply) => {
    rows.forEach((row) => field(row).setAttribute("aria-invalid", String(row.dataset.key === reply.key)));
    root.dataset.shown = reply.asked;
    if (reply.error) {
      said.textContent = `${reply.error}. What is shown is still the verdict before it.`;
      return;
    }
    const moved = rows.filter(differs);
    // The page was written under the needs of the run, which are the first to be asked for unless the address has others.
    if (shown || moved.length) {
      for (const [id, html] of Object.entries(reply.sections)) later.set(id, html);
      const seen = [...later].filter(([id]) => isSeen(id));
      steady(() => seen.forEach(([id, html]) => swap(id, html)));
      seen.forEach(([id]) => later.delete(id));
    }
    shown = true;
    document.title = reply.title;
    root.classList.toggle("needs-moved", moved.length > 0);
    said.textContent = reply.said + (moved.length ? "" : " So the run was judged.");
    get("needs-toml").textContent = reply.toml;
    const given = moved.map((row) => ` --need ${row.dataset.key}=${reply.values[row.dataset.key] ?? "none"}`);
    get("needs-command").textContent = `ordinate judge ${run}${given.join("")}`;
  };

  // One question at a time; of those that come meanwhile only the last is asked.
  let asked = null;
  let waiting = null;
  const worker = new Worker(URL.createObjectURL(new Blob([`(${judge})()`], { type: "text/javascript" })));
  const ask = (needs) => {
    if (asked !== null) waiting = needs;
    else worker.postMessage({ needs: (asked = needs) });
  };
  const state = () =>
    rows.filter((row) => read(row) !== "").map((row) => `${row.dataset.key}=${read(row)}`).join("\n");

  const HASH = "#needs?";
  const keep = () => {
    const moved = rows.filter(differs).map((row) => [row.dataset.key, read(row) || "none"]);
    const hash = moved.length ? HASH + new URLSearchParams(moved) : location.hash.startsWith(HASH) ? "#move" : location.hash;
    if (hash === location.hash) return;
    try {
      history.replaceState(null, "", hash);
    } catch {
      location.replace(hash);
    }
  };
  const changed = () => {
    for (const row of rows) {
      const now = read(row);
      const moved = differs(row);
      if (slide(row)) {
        slide(row).value = place(row, now);
        slide(row).setAttribute("aria-valuetext", words(row, now));
      }
      row.classList.toggle("differs", moved);
      row.querySelector(".was").hidden = !moved;
      row.querySelector(".was").textContent = moved ? `in the task file: ${words(row, row.dataset.set)}` : "";
    }
    reset.hidden = !rows.some(differs);
    ask(state());
  };
  const restore = () => {
    if (!location.hash.startsWith(HASH)) return;
    for (const [key, value] of new URLSearchParams(location.hash.slice(HASH.length))) {
      const row = rows.find((row) => row.dataset.key === key);
      if (row && !(key === "goal" && !["quality", "cost", "latency"].includes(value))) put(row, value === "none" ? "" : value);
    }
  };

  const fail = (fault) => {
    fields.disabled = true;
    reset.hidden = true;
    said.textContent = `Needs cannot be moved here (${fault}). ordinate judge ${run} --need KEY=VALUE decides in a terminal.`;
  };
  worker.onerror = (event) => fail(event.message || "the judge could not be started");
  worker.onmessage = ({ data }) => {
    if (data.fault) return fail(data.fault);
    if (data.ready) {
      fields.disabled = false;
      restore();
      return changed();
    }
    asked = null;
    if (waiting !== null) {
      const next = waiting;
      waiting = null;
      ask(next);
    }
    show(data);
    document.dispatchEvent(new Event("decided"));
    // Once what is seen has been painted, or soon: where nobody looks nothing is.
    requestAnimationFrame(() => setTimeout(settle, 0, data.asked));
    setTimeout(settle, 50, data.asked);
  };
  worker.postMessage({ module: get("page-module").content.textContent, trials: get("page-trials").content.textContent });

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", ({ target }) => {
    const row = target.closest(".need");
    if (row && target === slide(row)) put(row, value(row, Number(target.value)));
    changed();
  });
  form.addEventListener("change", keep);
  addEventListener("hashchange", () => {
    if (fields.disabled || !location.hash.startsWith(HASH)) return;
    rows.forEach((row) => put(row, row.dataset.set));
    restore();
    changed();
  });
  reset.addEventListener("click", () => {
    rows.forEach((row) => put(row, row.dataset.set));
    changed();
    keep();
    field(rows[0]).focus();
  });
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", async () => {
      const text = get(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Selected: copy it with the keys";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
};
if (document.getElementById("page-module")) moving();
