import { useText } from "../i18n/text";

// Loading appears only when waiting is felt: the style sheet waits 300 ms.
export function Loading({ rows = 0 }: { rows?: number }) {
  const text = useText();
  return (
    <div className="skeleton">
      <p>{text("loading")}</p>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  );
}
