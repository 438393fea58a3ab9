// Development only: the index of what exists in development, and every state of
// every screen and dialog, each at an address of its own, so that it can be looked
// at, photographed and checked.

import "../styles/account.css";

import { useEffect, useState } from "react";

import { TextContext, useText } from "../i18n/text";
import { SiteContext, useSite } from "../site";
import { useActivity } from "../ui/activity";
import { Page } from "../ui/Page";
import { NowContext } from "../ui/Time";
import { NOW, pretend } from "./pretend";
import { states } from "./states";

export default function Gallery({ page }: { page: string }) {
  const query = new URLSearchParams(location.search);
  const state = states[query.get("state") ?? ""];
  if (page === "dev") return <Development />;
  return state ? <State direction={query.get("dir")} {...state} /> : <Index />;
}

function Development() {
  const activity = useActivity();
  return (
    <Page page="dev" activity={activity}>
      <h1>Development</h1>
      <p>This server runs on this machine only. Pages like this one do not exist anywhere else.</p>
      <ul>
        {["/sign-in", "/sign-up", "/account", "/dev/mail", "/dev/gallery", "/.well-known/openid-configuration", "/.well-known/jwks.json", "/readyz"].map(
          (path) => (
            <li key={path}>
              <a href={path}>{path}</a>
            </li>
          ),
        )}
      </ul>
    </Page>
  );
}

function Index() {
  const text = useText();
  const site = useSite();
  const activity = useActivity();
  return (
    <Page page="gallery" activity={activity}>
      <h1>{text("title.gallery", { name: site.name })}</h1>
      <p>Every state of every screen. Add &amp;lang=de or &amp;dir=rtl to an address.</p>
      <ul data-testid="states">
        {Object.keys(states).map((name) => (
          <li key={name}>
            <a href={`/dev/gallery?state=${name}`}>{name}</a>
          </li>
        ))}
      </ul>
    </Page>
  );
}

type StateProps = (typeof states)[string] & { direction: string | null };

function State({ render, world, site, direction }: StateProps) {
  const own = useSite();
  const text = useText();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (direction === "rtl") document.documentElement.dir = "rtl";
    pretend(world ?? {});
    setReady(true);
  }, [direction, world]);
  if (!ready) return null;
  return (
    <SiteContext value={{ ...own, sign_up: "open", email_links: true, mail: false, ...site }}>
      <TextContext value={text}>
        <NowContext value={() => NOW}>{render()}</NowContext>
      </TextContext>
    </SiteContext>
  );
}
