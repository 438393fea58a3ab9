// What is shown when the script of a page cannot be loaded or fails: the place is
// kept, and there is a way on.

import { Component, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { useActivity } from "./activity";
import { Page } from "./Page";

interface Props {
  page: string;
  children: ReactNode;
}

export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Failed page={this.props.page} /> : this.props.children;
  }
}

export function Failed({ page }: { page: string }) {
  const text = useText();
  const activity = useActivity({
    kind: "error",
    key: navigator.onLine ? "error.unreachable" : "error.offline",
    retry: () => location.reload(),
  });
  return (
    <Page page={page} activity={activity}>
      <h1>{text("error.general")}</h1>
    </Page>
  );
}
