// Talking to the server: JSON in and out, every failure a Problem with a code.

// A server that says nothing for so long will not answer this call.
const PATIENCE_MS = 30_000;

interface ProblemBody {
  code?: string;
  step?: string;
  request_id?: string;
  errors?: { field: string }[];
}

export class Problem extends Error {
  readonly status: number; // 0: nothing came back
  readonly code: string;
  readonly requestId: string;
  readonly fields: string[]; // those that are not valid
  readonly step: string; // of the standard's procedure, where a registration was refused
  readonly retryAfter: number; // seconds

  constructor(status: number, body: ProblemBody, headers?: Headers) {
    super(body.code ?? "unreachable");
    this.status = status;
    this.code = body.code ?? "unreachable";
    this.fields = (body.errors ?? []).map(({ field }) => field);
    this.step = body.step ?? "";
    this.requestId = body.request_id ?? headers?.get("Keyturn-Request-Id") ?? "";
    this.retryAfter = Number(headers?.get("Retry-After")) || 30;
  }

  // Whether nothing is known of what the server thinks.
  get unreachable(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

export interface CallOptions {
  signal?: AbortSignal;
  keepalive?: boolean; // the answer may come after the page is gone
  text?: boolean; // a good answer is text, not JSON
}

export async function call<T>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      keepalive: options.keepalive ?? false,
      signal: options.signal ? AbortSignal.any([options.signal, patience]) : patience,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, {});
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await (options.text && response.ok ? response.text() : response.json()).catch(() => undefined);
  if (!response.ok) throw new Problem(response.status, (answer ?? {}) as ProblemBody, response.headers);
  // Half an answer is none: the connection broke while it came.
  if (answer === undefined) throw new Problem(0, {});
  return answer as T;
}

export const get = <T>(path: string): Promise<T> => call<T>("GET", path);
export const post = <T>(path: string, body?: unknown, options?: CallOptions): Promise<T> =>
  call<T>("POST", path, body ?? {}, options);
