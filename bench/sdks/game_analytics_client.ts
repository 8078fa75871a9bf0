/**
 * GameAnalytics' SDK, which is made for browsers. What it is given here in their place: an
 * `XMLHttpRequest` over `fetch`, a `window` that takes listeners, a `document`, `navigator.onLine`, and a
 * `localStorage` that ends with the process.
 *
 * @module
 */
import { type Client, until } from "./clients.ts";

/** The part of `XMLHttpRequest` that the SDK uses. */
class FetchRequest {
  /** Bodies that the gateway said it took. */
  static readonly taken: string[] = [];
  readyState = 0;
  status = 0;
  statusText = "";
  responseText = "";
  onreadystatechange: () => void = () => {};
  #method = "";
  #url = "";
  readonly #headers: Record<string, string> = {};

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(body: string): void {
    fetch(this.#url, { method: this.#method, headers: this.#headers, body })
      .then(async (response) => {
        this.responseText = await response.text();
        this.status = response.status;
        this.statusText = response.statusText;
        if (response.ok) FetchRequest.taken.push(body);
      })
      .catch((error) => this.statusText = String(error))
      .finally(() => {
        this.readyState = 4;
        this.onreadystatechange();
      });
  }
}

/** Gives this process what stands above, as globals. */
export function giveBrowser(): void {
  const stored = new Map<string, string>();
  const give = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  give("XMLHttpRequest", FetchRequest);
  give("window", { addEventListener() {} });
  give("document", { addEventListener() {}, hidden: false });
  give("navigator", {
    onLine: true,
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    appName: "Netscape",
    appVersion: "5.0 (X11)",
    platform: "Linux x86_64",
    vendor: "",
  });
  give("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
}

/** @param key the public id and the secret, divided by a colon */
export const gameAnalytics: Client = async (url, key, user) => {
  giveBrowser();
  // deno-lint-ignore no-explicit-any -- the types it comes with leave out most of what it exports
  const ga = (await import("gameanalytics")).default as any;
  const [id, secret] = key.split(":");
  ga.http.GAHTTPApi.instance.baseUrl = `${url}/v2`;
  ga.http.GAHTTPApi.instance.remoteConfigsBaseUrl = `${url}/remote_configs/v1`;
  const sdk = ga.GameAnalytics;
  sdk.setEventProcessInterval(1);
  sdk.configureAvailableResourceCurrencies(["gems"]);
  sdk.configureAvailableResourceItemTypes(["chest"]);
  sdk.configureBuild("1.2.3");
  sdk.configureUserId(user);
  sdk.initialize(id, secret);
  await until(() => sdk.isRemoteConfigsReady());
  sdk.addBusinessEvent("USD", 499, "gold", "boost", "shop");
  sdk.addResourceEvent(ga.EGAResourceFlowType.Source, "gems", 40, "chest", "daily");
  sdk.addResourceEvent(ga.EGAResourceFlowType.Sink, "gems", 15, "chest", "big");
  sdk.addProgressionEvent(ga.EGAProgressionStatus.Start, "world01", "level07");
  sdk.addProgressionEvent(ga.EGAProgressionStatus.Complete, "world01", "level07", "", 1200);
  sdk.addDesignEvent("kill:robot", 3);
  sdk.addErrorEvent(ga.EGAErrorSeverity.Warning, "It broke");
  sdk.addAdEvent(ga.EGAAdAction.Show, ga.EGAAdType.Interstitial, "admob", "top");
  const isTaken = (category: string) =>
    FetchRequest.taken.some((body) => body.includes(`"category":"${category}"`)) &&
    ga.store.GAStore.instance.eventsStore.length === 0;
  await until(() => isTaken("ads"));
  sdk.endSession();
  await until(() => isTaken("session_end"));
};
