// Talking to the server: JSON in and out, every failure a Problem with a code.

export class Problem extends Error {
  constructor(status, body, headers) {
    super(body.code ?? "unreachable");
    this.status = status;
    this.code = body.code ?? "unreachable";
    this.fields = body.errors ?? [];
    this.requestId = body.request_id ?? headers?.get("Keyturn-Request-Id") ?? "";
    this.retryAfter = Number(headers?.get("Retry-After")) || 30;
  }
}

export async function call(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer, response.headers);
  return answer;
}

export const post = (path, body, signal) => call("POST", path, body, signal);
