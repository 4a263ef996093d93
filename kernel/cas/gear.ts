/**
 * The gear hash of the chunker, compiled to wasm, and the memory it works in.
 *
 * GEAR[b] = the first 8 bytes, big-endian, of SHA-256("lattice/gear/v1" ‖ 0x00 ‖ b). The constants never change: they
 * decide where every file is cut. docs/spec/content.md has the algorithm, proto/vectors/chunking what it yields.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { invariant } from '../core/result.ts'

/** Bytes before a position that decide its hash. */
export const GEAR_WINDOW = 64
/** A position is a cut candidate when its hash is below 2^48; a strong one when below 2^44. */
export const WEAK_LIMIT = 1n << 48n
export const STRONG_LIMIT = 1n << 44n

/** Addresses in wasm memory. The table's is also written in assembly/gear.ts. */
const TABLE_AT = 4096
const CONTENT_AT = 8192
const PAGE = 65536

export const gearTable = (): BigUint64Array => {
  const prefix = Buffer.from('lattice/gear/v1\0')
  return BigUint64Array.from({ length: 256 }, (_, byte) =>
    hash('sha256', Buffer.concat([prefix, Uint8Array.of(byte)]), 'buffer').readBigUInt64BE(),
  )
}

/** The little of WebAssembly that is used here: the compiler knows it only together with the DOM. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface GearExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  find(from: number, to: number, limit: bigint): number
  foundHash(): bigint
}

let compiled: object | undefined

/** Finds cut candidates in `content`, a fixed buffer to fill: wasm works on it in place. */
export class Gear {
  readonly content: Uint8Array
  readonly #wasm: GearExports

  constructor(contentBytes: number) {
    // As a path: inside a packaged app not every Electron finds a file by its URL.
    const wasmPath = fileURLToPath(new URL('./assembly/build/gear.wasm', import.meta.url))
    compiled ??= new WebAssembly.Module(readFileSync(wasmPath))
    this.#wasm = new WebAssembly.Instance(compiled).exports as GearExports
    const { memory } = this.#wasm
    memory.grow(Math.ceil((CONTENT_AT + contentBytes - memory.buffer.byteLength) / PAGE))
    const table = new DataView(memory.buffer, TABLE_AT)
    for (const [byte, constant] of gearTable().entries()) table.setBigUint64(8 * byte, constant, true)
    this.content = new Uint8Array(memory.buffer, CONTENT_AT, contentBytes)
  }

  /** The first `end` in [from, to] (offsets in `content`, from ≥ 64) whose hash is below `limit`; undefined: none. */
  find(from: number, to: number, limit: bigint): number | undefined {
    invariant(from >= GEAR_WINDOW && to <= this.content.length, 'the window lies in the content')
    const at = this.#wasm.find(CONTENT_AT + from, CONTENT_AT + to, limit)
    return at === 0 ? undefined : at - CONTENT_AT
  }

  /** Whether what `find` returned last is a strong candidate. */
  get foundStrong(): boolean {
    return BigInt.asUintN(64, this.#wasm.foundHash()) < STRONG_LIMIT
  }
}
