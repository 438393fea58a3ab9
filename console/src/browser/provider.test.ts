import { describe, expect, test } from "vitest";

import { aaguidOf, device, monogram, suggestion } from "./provider";
import list from "./providers.json";
import { nameable } from "./register";

function made(attachment: string, transports: string[], aaguid = ""): PublicKeyCredential {
  const data = new Uint8Array(55);
  const bytes = aaguid.replaceAll("-", "").match(/../g) ?? [];
  data.set(bytes.map((hex) => parseInt(hex, 16)), 37);
  const response = { getAuthenticatorData: () => data.buffer, getTransports: () => transports };
  return { authenticatorAttachment: attachment, response } as unknown as PublicKeyCredential;
}

describe("what to call a new passkey", () => {
  const apple = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd";
  test("after its provider", () => {
    expect(aaguidOf(made("platform", [], apple))).toBe(apple);
    expect(suggestion(made("platform", [], apple), "")).toEqual({ name: "Apple Passwords" });
  });

  test.each([
    ["platform", ["internal"], "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "devices.this-mac"],
    ["platform", ["internal"], "Mozilla/5.0 (Linux; Android 16)", "devices.android"],
    ["platform", ["internal"], "something", "passkeys.unnamed"],
    ["cross-platform", ["hybrid", "internal"], "Windows", "devices.phone"],
    ["cross-platform", ["usb"], "Windows", "devices.security-key"],
    ["cross-platform", [], "Windows", "devices.security-key"],
  ])("%s by %j on %s", (attachment, transports, agent, key) => {
    expect(suggestion(made(attachment, transports), agent)).toEqual({ key });
  });

  test("an iPhone is no Mac", () => {
    expect(device("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)")).toBe("devices.iphone");
  });

  test("as the server takes it", () => {
    expect(nameable("  a\u0000b\n ")).toBe("a b");
    expect([...nameable("🔑".repeat(80))]).toHaveLength(64);
  });
});

test.each([
  ["Apple Passwords", "AP"],
  ["Google Password Manager", "GP"],
  ["Chrome on Mac", "CM"],
  ["1Password", "1P"],
  ["KeePassXC", "KP"],
  ["Bitwarden", "B"],
  ["iCloud Keychain", "IK"],
  ["enpass", "E"],
])("the mark of %s is %s", (name, want) => {
  expect(monogram(name)).toBe(want);
});

test("every provider is written as it is looked up", () => {
  for (const [aaguid, name] of Object.entries(list.providers)) {
    expect(aaguid).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
    expect(name).toBe(nameable(name));
    expect(monogram(name)).toMatch(/^[A-Z0-9]{1,2}$/);
  }
});
