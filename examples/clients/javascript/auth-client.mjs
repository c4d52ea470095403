// Logs in and validates with fetch, in Node 18 and later and in browsers.
//
//   const client = new AuthClient({ loginUrl, validateUrl, email, password });
//   const claims = await client.claims();
//
// It shows: credentials in UTF-8, time-outs, renewal before expiry, one new login if a token is
// refused, and bounded waiting on 429 and 503. main.mjs runs it from the command line.

/** The maximum of requests for one call. */
const TRIES = 5;

/** An error message in one line without secrets. */
export class AuthError extends Error {}

/** Logs a user in, and renews the token in time. */
export class AuthClient {
  #options;
  #basic;
  #token;
  #renewAt = Infinity;
  #login;

  /** Times are in seconds; `token` of an earlier run is used until it is refused. */
  constructor({ loginUrl, validateUrl, email, password, token, timeout = 10, maxWait = 30 }) {
    this.#options = { loginUrl, validateUrl, timeout, maxWait };
    this.#basic = `Basic ${base64(`${email}:${password}`)}`;
    this.#token = token;
  }

  /** The claims of a valid token; logs in if necessary. */
  async claims() {
    if (!this.#token || performance.now() >= this.#renewAt) await this.#renew();
    let response = await this.#validate();
    if (isInvalidToken(response)) {
      // The token has expired or its key was removed: log in again, but only once.
      await this.#renew();
      response = await this.#validate();
    }
    if (response.status !== 200) throw new AuthError(`validate: ${refusal(response)}`);
    if (!response.body) throw new AuthError("validate: the answer is not JSON");
    return response.body;
  }

  /** Concurrent callers share one login. */
  #renew() {
    this.#login ??= this.#logIn().finally(() => (this.#login = undefined));
    return this.#login;
  }

  /** Gets a new token. A wrong password is not retried: five failures lock the account. */
  async #logIn() {
    const response = await this.#send("login", "POST", this.#options.loginUrl, this.#basic);
    if (response.status !== 200) throw new AuthError(`login: ${refusal(response)}`);
    const { access_token: token, expires_in: lifetime } = response.body ?? {};
    if (typeof token !== "string" || typeof lifetime !== "number") {
      throw new AuthError("login: the answer holds no token");
    }
    this.#token = token;
    // After nine tenths of its lifetime, by a monotonic clock.
    this.#renewAt = performance.now() + lifetime * 900;
  }

  #validate() {
    return this.#send("validate", "GET", this.#options.validateUrl, `Bearer ${this.#token}`);
  }

  /** Sends a request, with retries on 429 and 503. */
  async #send(name, method, url, authorization) {
    let waited = 0;
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#request(name, method, url, authorization);
      if (response.status !== 429 && response.status !== 503) return response;
      const seconds = retryAfter(response);
      // Jitter of up to half the time, so that clients do not retry at the same time.
      const wait = seconds * (1 + Math.random() / 2);
      if (attempt === TRIES) throw new AuthError(`${name}: ${response.status} after ${TRIES} tries`);
      if (waited + wait > this.#options.maxWait) {
        throw new AuthError(`${name}: ${response.status}, asked to wait ${seconds} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      waited += wait;
    }
  }

  /** Sends one request. The time-out is for the whole answer. */
  async #request(name, method, url, authorization) {
    const { timeout } = this.#options;
    try {
      const response = await fetch(url, {
        method,
        headers: { accept: "application/json", authorization },
        // No cookies, and no login dialog of the browser on 401.
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(timeout * 1000),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: parse(text) };
    } catch (error) {
      if (error.name === "TimeoutError") {
        throw new AuthError(`${name}: no answer within ${timeout} s`);
      }
      const reason = error.cause?.code ?? error.cause?.message ?? error.message;
      throw new AuthError(`${name}: no answer (${reason})`);
    }
  }
}

/** Base64 of the text's UTF-8; btoa itself refuses characters beyond ISO-8859-1. */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Seconds to wait; 1 if a proxy sends a date or no value. */
function retryAfter({ headers }) {
  const value = headers.get("retry-after") ?? "";
  return /^\d+$/.test(value) ? Number(value) : 1;
}

function isInvalidToken({ status, headers }) {
  return status === 403 && (headers.get("www-authenticate") ?? "").includes('error="invalid_token"');
}

/** The status and the service's explanation (RFC 9457). */
function refusal({ status, body }) {
  return `${status} ${body?.detail ?? body?.title ?? ""}`.trim();
}

/** Parses a JSON object; undefined if the text is none. */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
