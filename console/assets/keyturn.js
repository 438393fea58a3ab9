// The script of the pages: no dependencies, no build step, no inline code, nothing
// written as markup (the pages demand trusted types, and no policy exists).
// It speaks the same API as every other client, in cookie mode.

import { Problem, call, post } from "./api.js";
import { Autofill, createPasskey, supported, usePasskey } from "./passkey.js";

const main = document.querySelector("main");
const page = main.dataset.page;
const $ = (id) => document.getElementById(id);

const CALM = "No problem. Try again when you're ready.";
const REFUSED = "That didn't work. Try again.";
const ABOUT_THE_NAME = new Set(["name_taken", "username_not_allowed"]);
const UNREACHABLE = "Can't reach the server. We'll keep your place.";

// ---- The fragment -------------------------------------------------------------
// A link carries its ticket behind the #. It leaves the address bar before anything
// else happens, so that it is in no history entry, screenshot or shared address.
const fragment = new URLSearchParams(location.hash.slice(1));
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
const ticket = fragment.get("ticket") ?? undefined;

// ---- Saying what happened --------------------------------------------------------

let countdown;
let pending;

function say(text, kind = "") {
  clearInterval(countdown);
  clearTimeout(pending);
  $("countdown").hidden = true;
  $("retry").hidden = true;
  $("details").hidden = true;
  $("status").dataset.kind = kind;
  // Said again even when the words are the same as before: a live region only
  // announces a change.
  $("status").textContent = "";
  if (text) pending = setTimeout(() => { $("status").textContent = text; }, 20);
}

let focused = null;

function busy(on) {
  if (on && document.activeElement !== document.body) focused = document.activeElement;
  for (const button of document.querySelectorAll("button")) button.disabled = on;
  main.setAttribute("aria-busy", String(on));
}

function waitOut(seconds) {
  say(`Too many tries. Wait ${seconds} seconds.`, "error");
  busy(true);
  let left = seconds;
  const show = () => { $("countdown").textContent = `${left} s`; };
  show();
  $("countdown").hidden = false;
  countdown = setInterval(() => {
    left -= 1;
    show();
    if (left > 0) return;
    busy(false);
    say(CALM, "calm");
  }, 1000);
}

function explain(error) {
  switch (error.code) {
    case "authentication_failed":
      return "That didn't work. Try again, or use another way to sign in.";
    case "name_taken":
      return "That username is taken. Choose another one.";
    case "username_not_allowed":
      return "That username can't be used. Choose another one.";
    case "already_registered":
      return "This device already has a passkey for you.";
    case "expired":
      return "This link has expired, or was used before. Ask for a new one.";
    case "sign_up_closed":
      return "New accounts are by invitation here. Ask for a link.";
    case "registration_refused":
      return "This passkey can't be used here. Try another device or security key.";
    case "unauthenticated":
      return "You're signed out. Sign in again.";
    default:
      return REFUSED;
  }
}

// report tells a failure in words, keeps its code and request id for whoever is
// asked for help, and offers another try where trying again can help.
function report(error, again) {
  if (error.name === "NotAllowedError" || error.name === "AbortError") return say(CALM, "calm");
  if (error.name === "InvalidStateError") return say("This device already has a passkey for you.", "error");
  if (!(error instanceof Problem)) return say(REFUSED, "error");
  if (error.status === 429) return waitOut(error.retryAfter);
  const unreachable = error.status === 0 || error.status >= 500;
  say(unreachable ? UNREACHABLE : explain(error), "error");
  $("details-code").textContent = error.code;
  $("details-request").textContent = error.requestId || "none";
  $("details").hidden = false;
  if (ABOUT_THE_NAME.has(error.code)) {
    $("username")?.setAttribute("aria-invalid", "true");
    $("username")?.focus();
  }
  if (unreachable && again) {
    $("retry").hidden = false;
    $("retry").onclick = again;
  }
}

function fieldError(input, text) {
  const note = $(`${input.id}-error`);
  input.setAttribute("aria-invalid", text ? "true" : "false");
  note.textContent = text;
  note.hidden = !text;
  if (text) input.focus();
}

// attempt runs one thing that a person asked for: the buttons rest meanwhile, and
// what goes wrong is said. It answers whether it went well. A disabled button loses
// the focus, so it goes back to where the person was.
async function attempt(work, again) {
  const asked = focused;
  say("");
  busy(true);
  try {
    await work();
    return true;
  } catch (error) {
    busy(false);
    report(error, again);
    if (asked && document.activeElement === document.body) asked.focus();
    return false;
  }
}

function signedIn() {
  say("You're signed in.", "ok");
  location.assign("/account");
}

// ---- The pages -----------------------------------------------------------------------

function signInPage() {
  const username = $("username");
  const autofill = new Autofill({
    state: (name) => { main.dataset.autofill = name; },
    pick: () => {
      say("");
      busy(true);
    },
    done: signedIn,
    failed: (error) => {
      busy(false);
      report(error);
      autofill.start();
    },
  });

  async function go(begin) {
    busy(true);
    await autofill.stop();
    if (await attempt(() => usePasskey(begin), () => go(begin))) return signedIn();
    return autofill.start();
  }

  $("sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = username.value.trim();
    if (!name) return fieldError(username, "Enter your e-mail or username.");
    fieldError(username, "");
    go({ username: name });
  });
  $("passkey").addEventListener("click", () => {
    fieldError(username, "");
    go({});
  });
  document.addEventListener("visibilitychange", () => autofill.renew());
  window.addEventListener("pageshow", (event) => { if (event.persisted) autofill.start(); });
  autofill.start();
}

async function create(path, begin) {
  const made = await attempt(() => createPasskey(path, begin), () => create(path, begin));
  if (!made) return;
  say("Passkey added. Next time, sign in with it.", "ok");
  location.assign("/account#added");
}

function signUpPage() {
  const username = $("username");
  $("sign-up").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = username.value.trim();
    if (!name) return fieldError(username, "Choose a username.");
    fieldError(username, "");
    create("/v1/sign-up/passkey", {
      username: name,
      display_name: $("display-name").value.trim() || undefined,
      ticket,
    });
  });
}

function enrolPage() {
  if (!ticket) {
    busy(true);
    return say("This link is not complete. Open it again, or ask for a new one.", "error");
  }
  $("enrol").addEventListener("submit", (event) => {
    event.preventDefault();
    create("/v1/enrolment/passkey", { ticket });
  });
}

// ---- The account page -------------------------------------------------------------------

const WEEK_MS = 7 * 24 * 3600 * 1000;

// Relative within a week, absolute after; the exact time in a tooltip.
function when(iso) {
  const date = new Date(iso);
  const element = document.createElement("time");
  element.dateTime = iso;
  element.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
  element.textContent = ago(date);
  return element;
}

function ago(date) {
  const seconds = (Date.now() - date.getTime()) / 1000;
  if (seconds * 1000 > WEEK_MS) return date.toLocaleDateString(undefined, { dateStyle: "medium" });
  if (seconds < 60) return "just now";
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (seconds < 3600) return words.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return words.format(-Math.floor(seconds / 3600), "hour");
  return words.format(-Math.floor(seconds / 86400), "day");
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function keyIcon() {
  const icon = document.querySelector(".mark").cloneNode(true);
  icon.setAttribute("class", "icon");
  icon.setAttribute("width", "20");
  icon.setAttribute("height", "20");
  return icon;
}

function passkeyRow(passkey) {
  const line = element("p", "passkey-line", passkey.backed_up ? "synced" : "on one device", " · ");
  if (passkey.last_used_at) line.append("last used ", when(passkey.last_used_at));
  else line.append("added ", when(passkey.created_at));
  if (passkey.times_used > 0) line.append(` · ${passkey.times_used} ${passkey.times_used === 1 ? "time" : "times"}`);
  const name = element("p", "passkey-name", passkey.name || "Passkey");
  name.dir = "auto";
  const head = element("div", "passkey-head", name);
  const row = element("li", "", keyIcon(), element("div", "passkey-text", head, line));
  row.dataset.testid = "passkey";
  row.dataset.id = passkey.id;
  if (passkey.suspended) {
    const badge = element("span", "badge", "Suspended");
    badge.dataset.kind = "warn";
    head.append(badge);
  } else if (passkey.this_session) {
    head.append(element("span", "badge", "In use now"));
  }
  return row;
}

async function loadAccount() {
  const [account, { passkeys }] = await Promise.all([call("GET", "/v1/account"), call("GET", "/v1/passkeys")]);
  const name = account.display_name || account.username || "Your account";
  $("account-name").textContent = name;
  if (account.username && account.username !== name) $("account-line").textContent = account.username;
  const rows = passkeys.map(passkeyRow);
  if (rows.length === 0) rows.push(element("li", "", "No passkeys yet."));
  $("passkeys").replaceChildren(...rows);
  $("passkeys").setAttribute("aria-busy", "false");
}

async function accountPage() {
  const load = async () => {
    try {
      await loadAccount();
      say(fragment.has("added") ? "Passkey added. Next time, sign in with it." : "", "ok");
    } catch (error) {
      if (error.code === "unauthenticated") return location.replace("/sign-in");
      report(error, load);
    }
  };
  const leave = async (everywhere) => {
    const out = async () => {
      try {
        await post("/v1/sign-out", { everywhere });
      } catch (error) {
        // Somebody who is signed out already has what was asked for.
        if (error.code !== "unauthenticated") throw error;
      }
    };
    if (await attempt(out, () => leave(everywhere))) location.replace("/sign-in");
  };
  $("sign-out").addEventListener("click", () => leave(false));
  $("sign-out-everywhere").addEventListener("click", () => leave(true));
  // What the back button brings back may belong to a session that has ended.
  window.addEventListener("pageshow", (event) => { if (event.persisted) load(); });
  await load();
}

const pages = { "sign-in": signInPage, "sign-up": signUpPage, enrol: enrolPage, account: accountPage };

if (page !== "account" && page in pages && !supported) {
  busy(true);
  say("This browser can't use passkeys. Update it, or try another one.", "error");
} else {
  pages[page]?.();
  // A page that comes back from the back-forward cache starts afresh.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    busy(false);
    say("");
  });
}
