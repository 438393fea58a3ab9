// All events as one file, an object a line, as the API exports them: chain by chain, each
// with what links it to the one before.

import { call, get } from "../../api/call";
import type { Verdict } from "../../api/admin";

// exported reads every chain, part by part. The file is put together here: as much as a
// browser holds. Who has more calls the API.
export async function exported(): Promise<string[]> {
  const { chains } = await get<Verdict>("/v1/admin/events/verify");
  const parts: string[] = [];
  for (const { chain, events } of chains) {
    for (let after = 0; after < events; ) {
      const part = await call<string>("GET", `/v1/admin/events/export?chain=${chain}&after=${after}`, undefined, { text: true });
      const last = part.trimEnd().split("\n").pop();
      if (!last) break;
      parts.push(part);
      after = (JSON.parse(last) as { number: number }).number;
    }
  }
  return parts;
}
