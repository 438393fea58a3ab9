import { afterEach, beforeEach, expect, test, vi } from "vitest";

let wait: number; // ms until the browser refuses
let asked: { uiMode?: string; mediation?: string } | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  asked = undefined;
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("navigator", {
    onLine: true,
    credentials: {
      get: (options: typeof asked) => {
        asked = options;
        return new Promise((_, reject) => setTimeout(() => reject(new DOMException("", "NotAllowedError")), wait));
      },
    },
  });
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ publicKey: {} })));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function browser(capabilities?: Record<string, boolean>) {
  const known = capabilities && { getClientCapabilities: () => Promise.resolve(capabilities) };
  vi.stubGlobal("PublicKeyCredential", Object.assign(() => undefined, { parseRequestOptionsFromJSON: (options: unknown) => options }, known));
}

async function refusal(here: boolean): Promise<string> {
  const { use } = await import("./passkey");
  const failed = use("/v1/sign-in/passkey", { begin: {}, here }).catch((error: Error) => error.name);
  await vi.advanceTimersByTimeAsync(wait + 1);
  return (await failed) as string;
}

test.each([
  ["at once", true, 20, "NoneHere"],
  ["before anybody could have", true, 499, "NoneHere"],
  ["by the person", true, 700, "NotAllowedError"],
  ["at once, but for a passkey anywhere", false, 20, "NotAllowedError"],
])("refused %s", async (_, here, after, want) => {
  browser();
  wait = after;
  expect(await refusal(here)).toBe(want);
  expect(asked?.mediation).toBe("optional");
});

test("a browser that can is asked for what it has at hand", async () => {
  browser({ immediateGet: true });
  wait = 999;
  expect(await refusal(true)).toBe("NoneHere");
  expect(asked).toMatchObject({ uiMode: "immediate" });
  expect(asked?.mediation).toBeUndefined();
  expect(await refusal(false)).toBe("NotAllowedError");
  expect(asked?.uiMode).toBeUndefined();
});
