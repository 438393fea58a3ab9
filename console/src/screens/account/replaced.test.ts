import { describe, expect, test } from "vitest";

import type { Passkey } from "../../api/types";
import { describe as agent } from "../../ui/agent";
import { replacedBy } from "./replaced";

function passkey(over: Partial<Passkey>): Passkey {
  return {
    id: "old",
    credential_id: "",
    name: "",
    created_at: "2026-01-01T00:00:00Z",
    times_used: 0,
    transports: [],
    aaguid: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
    backup_eligible: true,
    backed_up: true,
    user_verified: true,
    suspended: false,
    rp_id: "localhost",
    attestation: { format: "none", trust: "none" },
    this_session: false,
    ...over,
  };
}

const newer = passkey({ id: "new", created_at: "2026-02-01T00:00:00Z" });

describe("replacedBy", () => {
  test("points at a newer sibling since which it was not used", () => {
    const old = passkey({ last_used_at: "2026-01-15T00:00:00Z" });
    expect(replacedBy(old, [old, newer])?.id).toBe("new");
    expect(replacedBy(newer, [old, newer])).toBeUndefined();
  });

  test("points at the newest of several", () => {
    const newest = passkey({ id: "newest", created_at: "2026-03-01T00:00:00Z" });
    expect(replacedBy(passkey({}), [passkey({}), newer, newest])?.id).toBe("newest");
  });

  test.each<[string, Partial<Passkey>]>([
    ["used since", { last_used_at: "2026-02-02T00:00:00Z" }],
    ["of another provider", { aaguid: "bada5566-a7aa-401f-bd96-45619a55120d" }],
    ["suspended", { suspended: true }],
    ["in use now", { this_session: true }],
  ])("says nothing of one that is %s", (_, over) => {
    const old = passkey(over);
    expect(replacedBy(old, [old, newer])).toBeUndefined();
  });

  test("says nothing where the provider is not known", () => {
    const aaguid = "00000000-0000-0000-0000-000000000000";
    const old = passkey({ aaguid });
    expect(replacedBy(old, [old, { ...newer, aaguid }])).toBeUndefined();
  });
});

describe("agent", () => {
  test.each([
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0", "Edge", "Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1", "Safari", "iPhone"],
    ["Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36 EdgA/156.0.0.0", "Edge", "Android"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 EdgiOS/156.0.0.0 Mobile/15E148 Safari/604.1", "Edge", "iPhone"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"],
    ["curl/8.7.1", undefined, undefined],
    ["", undefined, undefined],
  ])("%s", (text, browser, system) => {
    expect(agent(text)).toEqual({ browser, system });
  });
});
