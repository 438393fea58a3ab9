export type View = "accounts" | "invitations" | "events";

// Where in administration somebody is: the query says it, so that it can be kept.
export interface Place {
  view: View;
  account?: string;
  search: string;
}

export function placeOf(query: string): Place {
  const said = new URLSearchParams(query);
  const view = said.get("view");
  const account = said.get("account");
  return {
    view: view === "invitations" || view === "events" ? view : "accounts",
    search: said.get("search") ?? "",
    // An identifier becomes part of a path: nothing else does.
    ...(account && /^[\w-]+$/.test(account) ? { account } : {}),
  };
}
