import { useText } from "../i18n/text";
import { useSite } from "../site";
import { useActivity } from "../ui/activity";
import { named } from "../ui/Button";
import { Page } from "../ui/Page";

// Lost is what an address without a page shows, with a way on.
export function Lost() {
  const text = useText();
  const site = useSite();
  const activity = useActivity();
  return (
    <Page page="lost" activity={activity}>
      <h1>{text("lost.heading")}</h1>
      <p>{text("lost.text")}</p>
      <a {...named("on")} className="button secondary" href="/">
        {text("lost.on", { name: site.name })}
      </a>
    </Page>
  );
}
