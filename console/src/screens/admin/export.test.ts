import { afterEach, expect, test, vi } from "vitest";

import { Problem } from "../../api/call";
import { exported } from "./export";

afterEach(() => vi.unstubAllGlobals());

const line = (chain: number, number: number): string => `${JSON.stringify({ chain, number })}\n`;

// serve answers as a server with these chains does, two events at a time.
function serve(chains: number[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const said = new URL(path, "https://id.example.com");
    if (said.pathname.endsWith("verify")) return Response.json({ intact: true, chains: chains.map((events, chain) => ({ chain, events })) });
    const [chain, after] = ["chain", "after"].map((name) => Number(said.searchParams.get(name)));
    const lines = [1, 2].map((step) => (after ?? 0) + step).filter((number) => number <= (chains[chain ?? 0] ?? 0));
    return new Response(lines.map((number) => line(chain ?? 0, number)).join(""));
  });
  return asked;
}

test("every event of every chain, once, in the order of its chain", async () => {
  const asked = serve([3, 0, 1]);
  expect((await exported()).join("")).toBe(line(0, 1) + line(0, 2) + line(0, 3) + line(2, 1));
  expect(asked).toHaveLength(4);
});

test("a chain that is shorter than was said ends", async () => {
  serve([2]);
  vi.stubGlobal("fetch", async (path: string) =>
    path.endsWith("verify") ? Response.json({ intact: true, chains: [{ chain: 0, events: 2 }] }) : new Response(""),
  );
  expect(await exported()).toEqual([]);
});

test("what is refused is no file", async () => {
  vi.stubGlobal("fetch", async () => Response.json({ code: "step_up_required" }, { status: 401 }));
  await expect(exported()).rejects.toThrow(Problem);
});
