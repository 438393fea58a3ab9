// Evaluates messages. The server parsed them (ICU MessageFormat) and checked that no
// sentence lost an argument; what arrives is their tree.

export interface Part {
  t?: string; // text
  a?: string; // argument
  p?: string; // plural: the argument that is counted
  s?: string; // select: the argument that decides
  o?: Record<string, Part[]>;
  n?: boolean; // the number of the plural around it
}

export type Message = string | Part[];
export type Catalog = Record<string, Message>;
export type Values = Record<string, string | number>;

export function format(message: Message, values: Values, language: string): string {
  return typeof message === "string" ? message : evaluate(message, values, language, 0);
}

function evaluate(parts: Part[], values: Values, language: string, count: number): string {
  return parts.map((part) => piece(part, values, language, count)).join("");
}

function piece(part: Part, values: Values, language: string, count: number): string {
  if (part.n) return new Intl.NumberFormat(language).format(count);
  if (part.a) return String(values[part.a] ?? "");
  if (part.p) {
    const counted = Number(values[part.p] ?? 0);
    const form = new Intl.PluralRules(language).select(counted);
    const chosen = part.o?.[`=${counted}`] ?? part.o?.[form] ?? part.o?.["other"] ?? [];
    return evaluate(chosen, values, language, counted);
  }
  if (part.s) {
    const chosen = part.o?.[String(values[part.s])] ?? part.o?.["other"] ?? [];
    return evaluate(chosen, values, language, count);
  }
  return part.t ?? "";
}
