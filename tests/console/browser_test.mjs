// What a person does with the console, in Chromium, over HTTP/3. Run by console_test.py, which says where things are.
import assert from "node:assert/strict";
import {spawn} from "node:child_process";
import {createHash, X509Certificate} from "node:crypto";
import {readFileSync} from "node:fs";
import path from "node:path";
import test, {after, before} from "node:test";

import {chromium} from "playwright-core";

const {CONSOLE_BROWSER, CONSOLE_FOLDER, CONSOLE_INTERCOM, CONSOLE_SCREENSHOT, CONSOLE_VOICES} = process.env;
const kPatienceMs = 20_000;
const kVoice = ["--voice", path.join(CONSOLE_VOICES, "Front_Left.wav")];
const contact = path.join(CONSOLE_FOLDER, "contact");

const started = new Set();
function start(program, flags) {
  const child = spawn(path.join(CONSOLE_INTERCOM, program), flags, {
    cwd: CONSOLE_FOLDER,
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.add(child);
  child.over = new Promise((resolve) => child.on("exit", resolve)).finally(() => started.delete(child));
  return child;
}

/** A station with a console; its port. */
async function startKitchen(port = 0) {
  const kitchen = start("intercom-answer", [
    "--name",
    "kitchen",
    "--listen",
    `127.0.0.1:${port}`,
    "--console",
    "--config",
    "kitchen.json",
    "--contact",
    contact,
    "--answer-after",
    "200ms",
    "--calls",
    "100",
    ...kVoice,
  ]);
  let said = "";
  kitchen.port = await new Promise((resolve, reject) => {
    kitchen.stdout.on("data", (text) => {
      said += text;
      const found = /console at https:\/\/127\.0\.0\.1:(\d+)\//.exec(said);
      if (found) resolve(Number(found[1]));
    });
    kitchen.over.then(() => reject(new Error(`the kitchen did not come up: ${said}`)));
  });
  return kitchen;
}

function keyHash() {
  const certificate = new X509Certificate(readFileSync(path.join(CONSOLE_FOLDER, "certificate.pem")));
  return createHash("sha256")
    .update(certificate.publicKey.export({type: "spki", format: "der"}))
    .digest("base64");
}

let kitchen;
let browser;
let page;
const problems = [];

before(async () => {
  kitchen = await startKitchen();
  browser = await chromium.launch({
    executablePath: CONSOLE_BROWSER,
    args: [
      "--no-sandbox",
      `--origin-to-force-quic-on=127.0.0.1:${kitchen.port}`,
      `--ignore-certificate-errors-spki-list=${keyHash()}`,
    ],
  });
  page = await browser.newPage({viewport: {width: 1280, height: 800}, colorScheme: "light"});
  page.setDefaultTimeout(kPatienceMs);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on(
    "console",
    (message) => /Content Security Policy|Uncaught/.test(message.text()) && problems.push(message.text()),
  );
  await page.goto(`https://127.0.0.1:${kitchen.port}/`);
});

after(async () => {
  await browser?.close();
  for (const child of started) child.kill("SIGKILL");
});

const choose = (name) => page.locator("#services").getByRole("button", {name}).click();
const editor = () => page.locator(".json-editor textarea");
const result = () => page.locator("#result");
/** Waits until the text of an element fits. */
async function expectText(locator, pattern) {
  const deadline = Date.now() + kPatienceMs;
  let text = "";
  while (Date.now() < deadline) {
    text = await locator.innerText();
    if (pattern.test(text)) return text;
    await page.waitForTimeout(50);
  }
  return assert.match(text, pattern);
}

test("the page comes over HTTP/3 and is connected", async () => {
  await expectText(page.locator("#link"), /^connected$/);
  const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  assert.equal(protocol, "h3");
});

test("services and methods are listed, with what the IDL says, and can be filtered", async () => {
  for (const name of [
    /^Ring rpc/,
    /^HangUp rpc/,
    /^MicrophoneChanged event/,
    /^StateChanged published/,
    /^Voice stream/,
  ]) {
    await page.locator("#services").getByRole("button", {name}).waitFor();
  }
  await page.getByLabel("Filter").fill("datagram");
  assert.equal(await page.locator("#services li:not([hidden])").count(), 1);
  await page.getByLabel("Filter").fill("");
  await choose(/^Voice/);
  await expectText(
    page.locator("#request .badges"),
    /stream\s*duplex\s*datagram\s*max age 100 ms\s*jitter buffer low latency/,
  );
});

test("a method is called by its form, and its reply shown", async () => {
  await choose(/^Ring/);
  await page.getByLabel("from").fill("browser");
  await page.getByRole("button", {name: "Set codec"}).click();
  for (const [name, value] of [
    ["sampleRate", "48000"],
    ["channels", "1"],
    ["frameMs", "20"],
    ["bitrateBitsPerS", "24000"],
  ]) {
    await page.getByLabel(name).fill(value);
  }
  assert.deepEqual(JSON.parse(await editor().inputValue()), {
    from: "browser",
    codec: {sampleRate: 48000, channels: 1, frameMs: 20, bitrateBitsPerS: 24000},
  });
  await page.getByRole("button", {name: "Call", exact: true}).click();
  await expectText(result(), /OK[^]*HTTP 200[^]*"by": "kitchen"/);
  await choose(/^HangUp/);
  await editor().fill('{"station": "browser", "framesSent": "0"}');
  await expectValue(page.getByLabel("station"), "browser");
  await page.keyboard.press("Control+Enter");
  await expectText(result(), /OK[^]*"callsAnswered": "1"/);
});
async function expectValue(locator, value) {
  assert.equal(await locator.inputValue(), value);
}

test("bad input is told at its field and line, and not sent", async () => {
  await choose(/^HangUp/);
  await page.getByLabel("framesLost").fill("many");
  await expectText(
    page.locator("#request .problem"),
    /Line \d+, column \d+: framesLost: a whole number \(uint64\), not "many"/,
  );
  assert.equal(await page.getByLabel("framesLost").getAttribute("aria-invalid"), "true");
  await page.getByRole("button", {name: "Call", exact: true}).click();
  await expectText(result(), /invalid_argument[^]*Not sent/);
  await editor().fill('{\n  "staton": "x"\n}');
  await expectText(page.locator("#request .problem"), /Line 2, column 3: .*did you mean "station"\?/);
  await editor().fill('{\n  "station": x\n}');
  await expectText(page.locator("#request .problem"), /Line 2, column 14/);
});

test("what the node refuses is shown with its code", async () => {
  await choose(/^HangUp/);
  await editor().fill("{}");
  await page.getByRole("button", {name: "Call", exact: true}).click();
  await expectText(result(), /failed_precondition[^]*there is no call to hang up/);
});

test("a subscription runs until it is stopped", async () => {
  await choose(/^StateChanged/);
  await page.getByRole("button", {name: "Subscribe"}).click();
  await expectText(result(), /running[^]*"station":"kitchen"/);
  await page.getByRole("button", {name: "Stop"}).click();
  await expectText(result(), /canceled[^]*you stopped the call/);
});

test("the figures of a call's voice move", async () => {
  const door = start("intercom-call", ["--name", "door", "--contact", contact, "--seconds", "12", ...kVoice]);
  door.stdout.resume();
  await choose(/^Ring/);
  await page.locator("#streams").getByRole("button", {name: "Intercom/Voice"}).click();
  await expectText(page.locator("#streams"), /Intercom\/Voice\s+serves\s+\S+\s+(4|5)\d\.\d/);
  const framesIn = (text) => Number(/(\d+) frames/.exec(text)[1]);
  const before = framesIn(await expectText(page.locator("#buffer-title"), /[1-9]\d* frames/));
  await page.waitForTimeout(1200);
  assert.ok(framesIn(await page.locator("#buffer-title").innerText()) > before + 20);
  await expectText(page.locator("#clock-title"), /±/);
  await page.getByRole("button", {name: "Call", exact: true}).click();
  await expectText(result(), /failed_precondition|invalid_argument/);
  await choose(/^StateChanged/);
  await page.getByRole("button", {name: "Subscribe"}).click();
  await expectText(result(), /IN_CALL/);
  await page.waitForTimeout(5000);
  await page.screenshot({path: CONSOLE_SCREENSHOT});
  await page.getByRole("button", {name: "Stop"}).click();
  assert.equal(await door.over, 0);
  await expectText(page.locator("#streams"), /No stream runs/);
});

test("a node that is lost is told, and found again when it is back", async () => {
  kitchen.kill("SIGTERM");
  await kitchen.over;
  await page.locator("#banner").waitFor();
  await expectText(page.locator("#link"), /not connected/);
  kitchen = await startKitchen(kitchen.port);
  await page.getByRole("button", {name: "Try now"}).click();
  await expectText(page.locator("#link"), /^connected$/);
  assert.equal(await page.locator("#banner").isVisible(), false);
});

test("the page does all that without an error", () => assert.deepEqual(problems, []));
