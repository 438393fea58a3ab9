import type { InputHTMLAttributes, Ref } from "react";

import { named } from "./Button";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  name: string;
  label: string;
  hint?: string;
  fault?: string | undefined;
  ref?: Ref<HTMLInputElement>;
}

// Field is a labelled input with what is said about it. It fills in what every text
// field of ours has.
export function Field({ name, label, hint, fault, ...rest }: Props) {
  const about = [hint && `${name}-hint`, fault && `${name}-error`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      <input
        {...named(name)}
        name={name}
        type="text"
        dir="auto"
        aria-invalid={fault ? true : undefined}
        aria-describedby={about || undefined}
        {...rest}
      />
      {hint && (
        <p id={`${name}-hint`} className="hint">
          {hint}
        </p>
      )}
      {fault && (
        <p id={`${name}-error`} className="hint fault">
          {fault}
        </p>
      )}
    </div>
  );
}

// What a field for a name that people sign in with has besides.
export const plainName = { autoCapitalize: "none", autoCorrect: "off", spellCheck: false } as const;
