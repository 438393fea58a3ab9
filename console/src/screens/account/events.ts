// The list of events as it grows: by what happens, at its head, and by what the person
// asks for, at its tail.

import type { Events } from "../../api/types";

// renewed is a list with its head read anew. Where the new head no longer reaches the
// list there would be a hole, and the head is all that is known.
export function renewed(list: Events, head: Events): Events {
  const first = list.events[0]?.id;
  const reach = head.events.findIndex(({ id }) => id === first);
  if (reach < 0) return head;
  return { ...list, events: [...head.events.slice(0, reach), ...list.events] };
}

// extended is a list with the part that follows it.
export function extended(list: Events, tail: Events): Events {
  return { ...tail, events: [...list.events, ...tail.events] };
}
