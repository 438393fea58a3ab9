// People who chose to be remembered on this device.

import { CircleUserRound, X } from "lucide-react";
import { Suspense, lazy } from "react";

import type { Person } from "../browser/remembered";
import { useText } from "../i18n/text";
import { Button } from "../ui/Button";

// Most browsers remember nobody, so the menu is loaded for those that do.
const Menu = lazy(() => import("../ui/Menu"));

interface Props {
  people: Person[];
  busy: boolean;
  choose: (person: Person) => void;
  remove: (person: Person) => void;
}

export function People({ people, busy, choose, remove }: Props) {
  const text = useText();
  if (people.length === 0) return null;
  return (
    <ul className="people" aria-label={text("sign-in.people")} data-testid="people">
      {people.map((person) => (
        <li key={person.username}>
          <Button kind="row" disabled={busy} onClick={() => choose(person)} data-testid="person">
            <CircleUserRound size={20} aria-hidden />
            <span dir="auto">{text("sign-in.person", { person: person.name })}</span>
          </Button>
          <Suspense fallback={<span className="button icon" />}>
            <Menu
              label={text("sign-in.person.menu", { person: person.name })}
              items={[
                {
                  name: "remove",
                  label: text("sign-in.person.remove"),
                  icon: <X size={20} aria-hidden />,
                  act: () => remove(person),
                },
              ]}
            />
          </Suspense>
        </li>
      ))}
    </ul>
  );
}
