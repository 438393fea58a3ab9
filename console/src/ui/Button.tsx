import type { ButtonHTMLAttributes, Ref } from "react";

// named gives an element its stable name, for tests and for whoever styles it.
export const named = (name: string): { id: string; "data-testid": string } => ({ id: name, "data-testid": name });

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind: "primary" | "secondary" | "quiet" | "danger" | "row" | "icon";
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind, type = "button", className = "", ...rest }: Props) {
  return <button type={type} className={`button ${kind} ${className}`.trim()} {...rest} />;
}
