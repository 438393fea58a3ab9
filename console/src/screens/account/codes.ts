// inGroups is a code as it is read aloud and typed: in groups of four, unless the server
// has grouped it already.
export const inGroups = (code: string): string => (code.includes("-") ? code : (code.match(/.{1,4}/g) ?? []).join("-"));

// download gives the person a file, made here: what is in it goes nowhere else.
export function download(name: string, text: string, type = "text/plain"): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
