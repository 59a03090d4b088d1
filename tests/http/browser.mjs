// As much of a browser as the lane's page uses, and nothing that would turn text into HTML: whoever assigns innerHTML fails.
// node browser.mjs SCRIPT: runs the page's script against answers that come as lines of JSON on standard input, and prints the page after each.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

class Element {
    constructor(tag) {
        Object.assign(this, { tag, children: [], parent: null, attributes: {}, listeners: {}, own: "", className: "", hidden: false });
    }
    get textContent() { return this.own + this.children.map((child) => child.textContent).join(""); }
    set textContent(text) { this.children = []; this.own = String(text); }
    set innerHTML(text) { throw new Error("innerHTML"); }
    set outerHTML(text) { throw new Error("outerHTML"); }
    insertAdjacentHTML() { throw new Error("insertAdjacentHTML"); }
    append(child) { child.remove(); child.parent = this; this.children.push(child); }
    prepend(child) { child.remove(); child.parent = this; this.children.unshift(child); }
    remove() { if (this.parent) this.parent.children = this.parent.children.filter((child) => child !== this); this.parent = null; }
    replaceChildren() { for (const child of [...this.children]) child.remove(); this.own = ""; }
    get childElementCount() { return this.children.length; }
    get firstElementChild() { return this.children[0] ?? null; }
    setAttribute(name, value) { this.attributes[name] = String(value); }
    addEventListener(name, run) { this.listeners[name] = run; }
    show() {
        const { tag, own, className, attributes, src, alt, hidden } = this;
        return { tag, text: own, class: className, hidden, attributes, ...(src ? { src, alt } : {}), children: this.children.map((child) => child.show()) };
    }
}

const byId = Object.fromEntries(["alerts", "state", "spoken", "none", "latest"].map((id) => [id, new Element("div")]));
const document = { title: "", activeElement: null, getElementById: (id) => byId[id], createElement: (tag) => new Element(tag) };
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const requests = [];
let again = null;

function all(element) {
    return [element, ...element.children.flatMap(all)];
}

// Each request takes the next line: {"status", "json"}; null: the lane is away.
async function fetch(path, options = {}) {
    requests.push({ path, method: options.method ?? "GET", body: options.body ?? null });
    const answer = JSON.parse((await lines.next()).value);
    if (answer === null) throw new TypeError("away");
    return { ok: answer.status < 400, json: async () => answer.json };
}

// Time stands still unless it is told: {"clock": milliseconds}.
let clock = 1e12;
class FakeDate extends Date {
    static now() { return clock; }
}

const context = vm.createContext({ document, fetch, AbortSignal, Date: FakeDate, setTimeout: (run) => { again = run; }, encodeURIComponent, console });
const settled = async (condition) => { while (!condition()) await new Promise((done) => setTimeout(done, 1)); };
vm.runInContext(readFileSync(process.argv[2], "utf8"), context);

// Commands come between the answers: {"look": true}, {"press": [plate, label]}, {"click": [plate, label]} with a mouse
// that nothing may come of, {"clock": ms}, {"print": true}.
for (;;) {
    await settled(() => again !== null);
    const { value, done } = await lines.next();
    if (done) break;
    const command = JSON.parse(value);
    if (command.look) {
        const run = again;
        again = null;
        run();
    } else if (command.clock) {
        clock = command.clock;
    } else if (command.click) {
        const article = byId.alerts.children.find((one) => one.attributes["aria-label"].includes(command.click[0]));
        all(article).find((one) => one.tag === "button" && one.textContent === command.click[1]).listeners.click({ detail: 1 });
    } else if (command.press) {
        const article = byId.alerts.children.find((one) => one.attributes["aria-label"].includes(command.press[0]));
        const before = requests.length;
        await all(article).find((one) => one.tag === "button" && one.textContent === command.press[1]).listeners.click();
        await settled(() => requests.length > before);
    } else {
        const page = Object.fromEntries(Object.entries(byId).map(([id, element]) => [id, element.show()]));
        console.log(JSON.stringify({ title: document.title, page, requests: requests.splice(0) }));
    }
}
