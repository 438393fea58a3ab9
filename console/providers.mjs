// Checks src/browser/providers.json, and says how to renew it: npm run providers. With a
// file as an argument that holds another list as JSON, an object from AAGUID to a name or
// to an object with one, it tells in what the two differ. It asks no server: what goes
// into the list, a person has read at the provider's.

import { readFileSync } from "node:fs";

const PLACE = new URL("src/browser/providers.json", import.meta.url);
const MOST = 64; // characters, as the server takes a name

// faults are what is wrong with a list.
export function faults(list) {
  const found = [];
  for (const key of ["source", "license"]) {
    if (typeof list[key] !== "string" || !list[key].trim()) found.push(`it does not say its ${key}`);
  }
  const providers = Object.entries(list.providers ?? {});
  if (providers.length === 0) found.push("it names no provider");
  for (const [aaguid, name] of providers) {
    if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(aaguid)) found.push(`${aaguid} is no AAGUID in lower case`);
    if (/^[0-]+$/.test(aaguid)) found.push(`${aaguid} is that of no provider: browsers put it where they tell none`);
    if (typeof name !== "string" || !name || name !== name.trim() || [...name].length > MOST || /\p{C}/u.test(name)) {
      found.push(`${aaguid}: ${JSON.stringify(name)} is no name of 1 to ${MOST} characters`);
    }
  }
  return found;
}

// repeated are the AAGUIDs that stand twice in a text: JSON keeps the last of them.
export function repeated(text) {
  const all = [...text.matchAll(/"([0-9a-fA-F-]{36})"\s*:/g)].map(([, aaguid]) => aaguid.toLowerCase());
  return all.filter((aaguid, i) => all.indexOf(aaguid) !== i);
}

// differences are what another list calls otherwise, or has besides.
export function differences(ours, theirs) {
  const other = new Map(Object.entries(theirs.providers ?? theirs).map(([aaguid, one]) => [aaguid.toLowerCase(), one?.name ?? one]));
  const lines = [];
  for (const [aaguid, name] of Object.entries(ours.providers)) {
    if (!other.has(aaguid)) lines.push(`only here:  ${aaguid} ${name}`);
    else if (other.get(aaguid) !== name) lines.push(`otherwise:  ${aaguid} ${name}, there ${other.get(aaguid)}`);
  }
  for (const [aaguid, name] of other) if (!(aaguid in ours.providers)) lines.push(`only there: ${aaguid} ${name}`);
  return lines;
}

const HOW = `To renew it: read the AAGUIDs where the providers publish them (the file says where),
write them into src/browser/providers.json, one per line, and run this again. Another list,
given as an argument, is compared; take over only what the provider itself says.`;

function main([other]) {
  const text = readFileSync(PLACE, "utf8");
  const list = JSON.parse(text);
  const wrong = [...faults(list), ...repeated(text).map((aaguid) => `${aaguid} stands twice`)];
  for (const one of wrong) console.error(`providers: ${one}`);
  console.log(`${Object.keys(list.providers).length} providers, ${list.license}\nSource: ${list.source}\n\n${HOW}`);
  if (other) console.log(`\n${differences(list, JSON.parse(readFileSync(other, "utf8"))).join("\n") || "No difference."}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

if (process.argv[1] && import.meta.filename === process.argv[1]) main(process.argv.slice(2));
