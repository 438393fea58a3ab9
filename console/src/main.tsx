// The script of every page. The page to sign in comes with it; every other is loaded
// when it is asked for, at once with it: the shell names its chunk.

import "./styles/base.css";
import "./styles/controls.css";

import { lazy, startTransition } from "react";
import { createRoot } from "react-dom/client";

import { SignIn } from "./screens/SignIn";
import { Lost } from "./screens/Lost";
import { renewWithFragment, takeFragment } from "./fragment";
import { TextContext, texts } from "./i18n/text";
import { SiteContext, readShell } from "./site";
import { Boundary } from "./ui/boundary";

// A link carries its ticket behind the #. It leaves the address bar before anything
// else happens, so that it is in no history entry, screenshot or shared address.
const fragment = takeFragment();
renewWithFragment();

const SignUp = lazy(() => import("./screens/SignUp"));
const Enrol = lazy(() => import("./screens/Enrol"));
const Link = lazy(() => import("./screens/Link"));
const ConfirmEmail = lazy(() => import("./screens/ConfirmEmail"));
const Undo = lazy(() => import("./screens/Undo"));
const Recover = lazy(() => import("./screens/Recover"));
const Account = lazy(() => import("./screens/account/Account"));
const Admin = lazy(() => import("./screens/admin/Admin"));
const Mailbox = lazy(() => import("./dev/Mailbox"));
const Gallery = lazy(() => import("./gallery/Gallery"));

function Screen({ page }: { page: string }) {
  const ticket = fragment.get("ticket") ?? undefined;
  switch (page) {
    case "sign-up":
      return <SignUp ticket={ticket} email={fragment.get("email") ?? undefined} />;
    case "link":
      return <Link token={ticket} />;
    case "confirm-email":
      return <ConfirmEmail token={ticket} />;
    case "undo":
      return <Undo token={ticket} />;
    case "recover":
      return <Recover />;
    case "enrol":
      return <Enrol ticket={ticket} />;
    case "account":
      return <Account added={fragment.has("added")} />;
    case "admin":
      return <Admin />;
    case "mail":
      return <Mailbox />;
    case "dev":
    case "gallery":
      return <Gallery page={page} />;
    case "lost":
      return <Lost />;
    default:
      return <SignIn left={fragment.has("left")} email={fragment.get("email") ?? ""} />;
  }
}

const root = document.getElementById("root");
if (root) {
  const shell = readShell(root);
  // A transition waits for the page's own chunk. A boundary with a fallback would show an
  // empty page first, and React keeps a fallback for 300 ms even when the chunk is there.
  startTransition(() =>
    createRoot(root).render(
      <SiteContext value={shell.site}>
        <TextContext value={texts(shell.messages, document.documentElement.lang)}>
          <Boundary page={shell.page}>
            <Screen page={shell.page} />
          </Boundary>
        </TextContext>
      </SiteContext>,
    ),
  );
}
