// The links in a mail's text.

// linksOf are the links in the text of a mail, each once. What ends a sentence or a clause
// ends a link too, as mail programs have it.
export const linksOf = (text: string): string[] => [...new Set(text.match(/https?:\/\/\S*[^\s.,;:!?)]/g) ?? [])];
