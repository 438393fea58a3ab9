// The script of every page. The pages for strangers come with it; what belongs to
// who is signed in, and what exists in development, is loaded when it is asked for.

import "./styles/base.css";
import "./styles/controls.css";

import { Suspense, lazy } from "react";
import { createRoot } from "react-dom/client";

import { Enrol } from "./screens/Enrol";
import { SignIn } from "./screens/SignIn";
import { Lost } from "./screens/Lost";
import { SignUp } from "./screens/SignUp";
import { takeFragment } from "./fragment";
import { TextContext, texts } from "./i18n/text";
import { SiteContext, readShell } from "./site";
import { Boundary } from "./ui/boundary";

// A link carries its ticket behind the #. It leaves the address bar before anything
// else happens, so that it is in no history entry, screenshot or shared address.
const fragment = takeFragment();

const Account = lazy(() => import("./screens/account/Account"));
const Gallery = lazy(() => import("./gallery/Gallery"));

function Screen({ page }: { page: string }) {
  const ticket = fragment.get("ticket") ?? undefined;
  switch (page) {
    case "sign-up":
      return <SignUp ticket={ticket} />;
    case "enrol":
      return <Enrol ticket={ticket} />;
    case "account":
      return <Account added={fragment.has("added")} />;
    case "dev":
    case "gallery":
      return <Gallery page={page} />;
    case "lost":
      return <Lost />;
    default:
      return <SignIn left={fragment.has("left")} />;
  }
}

const root = document.getElementById("root");
if (root) {
  const shell = readShell(root);
  createRoot(root).render(
    <SiteContext value={shell.site}>
      <TextContext value={texts(shell.messages, document.documentElement.lang)}>
        <Boundary page={shell.page}>
          <Suspense fallback={null}>
            <Screen page={shell.page} />
          </Suspense>
        </Boundary>
      </TextContext>
    </SiteContext>,
  );
}
