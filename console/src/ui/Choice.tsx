import type { Ref, SelectHTMLAttributes } from "react";

import { named } from "./Button";

interface Props extends SelectHTMLAttributes<HTMLSelectElement> {
  name: string;
  label: string;
  options: [value: string, label: string][];
  ref?: Ref<HTMLSelectElement>;
}

// Choice is a labelled list to choose one of.
export function Choice({ name, label, options, ...rest }: Props) {
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      <select {...named(name)} name={name} {...rest}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
