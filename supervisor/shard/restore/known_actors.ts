/**
 * Whom the store knows, as a scalable Bloom filter: a message for an actor that it cannot know needs
 * no look into the store. On a game's first day most messages are of such players.
 *
 * Source of the filter: Bloom, 1970; of its growth by layers: Almeida et al., Scalable Bloom
 * Filters, 2007; of two hashes for all probes: Kirsch and Mitzenmacher, 2006.
 *
 * @module
 */
import { fingerprint } from "../../../schema/hash.ts";

/** A power of two, so that a probe is a mask away. With six probes 0.2 % of the unknown look known. */
const bitsPerActor = 16;
const probes = 6;
const firstLayerActors = 4096;
/** Beyond, the filter would take more than 16 MiB, and gives up. */
const actorsMax = 4_000_000;

interface Layer {
  readonly bits: Uint32Array;
  /** Bits less one. */
  readonly mask: number;
  readonly actorsMax: number;
  actors: number;
}

export class KnownActors {
  /** Each twice as large as the one before. */
  #layers: Layer[] = [];
  #size = 0;
  #isComplete = false;
  #isGivenUp = false;

  /** Takes an actor in; twice does no harm. */
  add(id: string): void {
    if (this.#isGivenUp) return;
    const { hi, lo } = fingerprint(id);
    if (this.#has(hi, lo)) return;
    if (this.#size === actorsMax) {
      this.#isGivenUp = true;
      this.#layers = [];
      return;
    }
    let layer = this.#layers.at(-1);
    if (layer === undefined || layer.actors === layer.actorsMax) {
      layer = newLayer((layer?.actorsMax ?? firstLayerActors / 2) * 2);
      this.#layers.push(layer);
    }
    const step = hi | 1;
    for (let i = 0, at = lo; i < probes; i++, at = (at + step) | 0) {
      const bit = at & layer.mask;
      layer.bits[bit >>> 5]! |= 1 << (bit & 31);
    }
    layer.actors++;
    this.#size++;
  }

  /** Everybody whom the store knows has been added. */
  complete(): void {
    this.#isComplete = true;
  }

  /** False only when the store cannot know the actor. */
  mayHave(id: string): boolean {
    if (!this.#isComplete || this.#isGivenUp) return true;
    const { hi, lo } = fingerprint(id);
    return this.#has(hi, lo);
  }

  #has(hi: number, lo: number): boolean {
    const step = hi | 1;
    return this.#layers.some(({ bits, mask }) => {
      for (let i = 0, at = lo; i < probes; i++, at = (at + step) | 0) {
        const bit = at & mask;
        if ((bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
      }
      return true;
    });
  }
}

function newLayer(actorsMax: number): Layer {
  const bitCount = actorsMax * bitsPerActor;
  return { bits: new Uint32Array(bitCount / 32), mask: bitCount - 1, actorsMax, actors: 0 };
}
