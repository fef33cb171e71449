// Drives a headless Chromium for browser_test.go: a line of JSON in, a line of
// JSON out. Usage: node browser.mjs CHROMIUM
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.argv[2],
  // A container has no sandbox to give, and a name is to lead to this machine.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP rebound.example 127.0.0.1"],
});

const tabs = new Map();
const late = 120_000; // ms that a PIN takes on a busy machine

// Every tab is a browser of its own, as far as pages can tell.
const open = async ({ tab, javaScript = true, dark = false, width = 760 }) => {
  if (tabs.has(tab)) return tabs.get(tab);
  const context = await browser.newContext({
    javaScriptEnabled: javaScript, colorScheme: dark ? "dark" : "light", viewport: { width, height: 900 }, deviceScaleFactor: 2,
  });
  const page = await context.newPage();
  const opened = { page, status: 0, requests: [], complaints: [] };
  page.on("request", (request) => opened.requests.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error") opened.complaints.push(message.text());
  });
  page.on("pageerror", (error) => opened.complaints.push(String(error)));
  page.on("response", (response) => {
    if (response.request().isNavigationRequest() && response.status() !== 303) opened.status = response.status();
  });
  tabs.set(tab, opened);
  return opened;
};

// What a person sees of a tab, and what has the focus there.
const look = async ({ page, status, requests, complaints }) => ({
  url: page.url(), status, requests, complaints, title: await page.title(),
  text: await page.locator("body").innerText(), source: await page.content(),
  focus: await page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim().slice(0, 60) || ""),
  overflow: await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
});

// How well text is told from what is behind it, where that is least: WCAG's ratio.
const contrast = (page) => page.evaluate(() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let least = { ratio: 21, text: "" };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < least.ratio) least = { ratio, text: element.textContent.trim().slice(0, 40) };
  }
  return least;
});

// What follows an act is another page, or this one anew.
const leads = async (tab, act) => {
  const loaded = tab.page.waitForEvent("load", { timeout: late });
  await act();
  await loaded;
  return look(tab);
};

const button = (tab, name) => tab.page.getByRole("button", { name });

const commands = {
  async open(c) {
    const tab = await open(c);
    await tab.page.goto(c.url);
    return look(tab);
  },
  async fill(c) {
    await tabs.get(c.tab).page.getByLabel(c.label).fill(c.text);
    return {};
  },
  async click(c) {
    const tab = tabs.get(c.tab);
    return leads(tab, () => button(tab, c.button).click());
  },
  async enter(c) {
    const tab = tabs.get(c.tab);
    return leads(tab, () => tab.page.keyboard.press("Enter"));
  },
  // A click after which this page says something.
  async press(c) {
    const tab = tabs.get(c.tab);
    await button(tab, c.button).click();
    await tab.page.getByText(c.text).waitFor({ timeout: late });
    return look(tab);
  },
  async until(c) {
    const tab = tabs.get(c.tab);
    await tab.page.getByText(c.text).waitFor({ timeout: late });
    return look(tab);
  },
  async keys(c) {
    const tab = tabs.get(c.tab);
    const focus = [];
    for (const key of c.keys) {
      await tab.page.keyboard.press(key);
      focus.push((await look(tab)).focus);
    }
    return { focus };
  },
  async contrast(c) { return contrast(tabs.get(c.tab).page); },
  async picture(c) {
    const { page } = tabs.get(c.tab);
    await page.emulateMedia({ colorScheme: c.dark ? "dark" : "light" });
    await page.locator("main").screenshot({ path: c.file });
    return {};
  },
  // An authenticator that makes sure of who holds it, or that fails to.
  async authenticator(c) {
    const tab = await open(c);
    const devtools = await tab.page.context().newCDPSession(tab.page);
    await devtools.send("WebAuthn.enable");
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true,
    } });
    tab.verified = (isUserVerified) => devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
    return {};
  },
  async verified(c) {
    await tabs.get(c.tab).verified(c.is);
    return {};
  },
  // A page of another site, which sends a form elsewhere at once.
  async foreign(c) {
    const tab = await open(c);
    await tab.page.route("http://foreign.example/", (route) => route.fulfill({ contentType: "text/html", body: c.html }));
    await tab.page.goto("http://foreign.example/");
    return leads(tab, () => tab.page.evaluate(() => document.forms[0].submit()));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command.do](command);
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
