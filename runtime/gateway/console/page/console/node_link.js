// The page's tie to its node: learns what it serves, watches what it does, and comes back when it is lost.
import {CallError, callStream, callUnary} from "./connect.js";
import {bytesOfBase64} from "./protobuf.js";
import {Schema} from "./schema.js";

const kIntervalMs = 500;
const kFirstPauseMs = 1000;
const kMostPauseMs = 10_000;
// Snapshots come twice a second.
const kMostSilenceMs = 5000;

/** {services, schema, text}: the text is equal for equal descriptions. Throws CallError. */
async function describe(signal, metadata) {
  const {json, text} = await callUnary("echostream.reflection.v1.Reflection/Describe", "{}", {
    signal,
    metadata,
  });
  const schema = new Schema();
  for (const file of json.files ?? []) {
    try {
      schema.addFile(bytesOfBase64(file));
    } catch (error) {
      throw new CallError("internal", `a descriptor that the node sent cannot be read: ${error.message}`);
    }
  }
  return {services: json.services ?? [], schema, text};
}

/**
 * Runs for ever. `page` has onServices({services, schema, text}), onSnapshot(snapshot), onUp(),
 * onDown(error, pauseMs, isWatchRefused): true when the node told what it serves and has no such watch for us, as over
 * TCP; and metadata(), which gives what goes with each call.
 */
export class NodeLink {
  #page;
  #wake;

  constructor(page) {
    this.#page = page;
  }
  /** Tries now what it would try later. */
  retry() {
    this.#wake?.();
  }

  async run() {
    for (let pauseMs = kFirstPauseMs; ; pauseMs = Math.min(2 * pauseMs, kMostPauseMs)) {
      const abort = new AbortController();
      let failure;
      let isDescribed = false;
      const timer = setTimeout(
        () => abort.abort(new DOMException("timeout", "TimeoutError")),
        kMostSilenceMs,
      );
      try {
        const description = await describe(abort.signal, this.#page.metadata());
        clearTimeout(timer);
        isDescribed = true;
        this.#page.onServices(description);
        await this.#watch(abort, () => (pauseMs = kFirstPauseMs));
        failure = new CallError("unavailable", "the node has ended the watch");
      } catch (error) {
        failure =
          error instanceof CallError ? error : new CallError("internal", `the page failed: ${error.message}`);
      }
      clearTimeout(timer);
      abort.abort();
      this.#page.onDown(failure, pauseMs, isDescribed && failure.code === "unimplemented");
      await this.#pause(pauseMs);
    }
  }

  async #watch(abort, onSign) {
    let timer;
    let isSilent = false;
    // A connection that is lost says nothing; a browser notices much later.
    const expectMore = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        isSilent = true;
        abort.abort();
      }, kMostSilenceMs);
    };
    expectMore();
    try {
      await callStream("echostream.console.v1.Console/Watch", [JSON.stringify({intervalMs: kIntervalMs})], {
        signal: abort.signal,
        metadata: this.#page.metadata(),
        onMessage: (text) => {
          expectMore();
          onSign();
          this.#page.onUp();
          this.#page.onSnapshot(JSON.parse(text));
        },
      });
    } catch (error) {
      throw isSilent ? new CallError("unavailable", "nothing is heard of the node any more") : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, ms);
    });
  }
}
