// The frame of every page: the operator's sign, one card, the operator's links.

import { KeyRound } from "lucide-react";
import type { ReactNode } from "react";

import { useText } from "../i18n/text";
import { useSite } from "../site";
import type { Activity } from "./activity";
import { Status } from "./Status";

interface Props {
  page: string;
  activity: Activity;
  autofill?: string;
  quietName?: boolean; // the heading says the name already
  children: ReactNode;
  foot?: ReactNode;
}

export function Page({ page, activity, autofill = "off", quietName = false, children, foot }: Props) {
  return (
    <>
      <main className="card" data-page={page} data-autofill={autofill} aria-busy={activity.busy}>
        <Brand quiet={quietName} />
        {children}
        <Status activity={activity} />
        {foot}
      </main>
      <Links />
    </>
  );
}

function Brand({ quiet }: { quiet: boolean }) {
  const { name, logo } = useSite();
  return (
    <p className="brand">
      {logo ? <img src={logo} alt={quiet ? "" : name} height={32} /> : <KeyRound className="mark" size={24} aria-hidden />}
      {!quiet && !logo && <span dir="auto">{name}</span>}
    </p>
  );
}

function Links() {
  const text = useText();
  const { links } = useSite();
  const shown = (["terms", "privacy", "support"] as const).filter((name) => links[name]);
  if (shown.length === 0) return null;
  return (
    <nav className="links" aria-label={text("links")}>
      {shown.map((name) => (
        <a key={name} href={links[name]} rel="noreferrer">
          {text(`link.${name}`)}
        </a>
      ))}
    </nav>
  );
}
