/**
 * A long file while its content arrives, in pieces and in whatever order.
 *
 * What arrives goes to the disk past the system's page cache (`O_DIRECT`), which then keeps what people work with, and
 * whose pages cost more to make than the whole rest of writing. Such writes need whole blocks in aligned memory, so
 * pieces are put together first. What never makes a whole block (the end of the file, or gaps between what an earlier
 * try brought) is written in the ordinary way, and so is everything where the filesystem knows no direct writes.
 */
import { constants } from 'node:fs'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { errnoOf } from './disk.ts'

const BLOCK = 1024 * 1024
/** Of one file, in memory at once. */
const BLOCKS_MAX = 8
/** Shorter files are read soon, perhaps, and cost little: they stay in the page cache. */
const DIRECT_MIN = 8 * BLOCK

const PARTIAL = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)

const DIRECT = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DIRECT ?? 0)

interface Span {
  readonly from: number
  readonly to: number
}

interface Block {
  readonly room: Uint8Array
  /** In bytes of the file. */
  readonly start: number
  /** What has arrived, relative to the block. Pieces never overlap. */
  readonly spans: Span[]
}

export class ArrivingFile {
  readonly #path: string
  readonly #plain: FileHandle
  /** Whether blocks are put together: false once the filesystem turned out to know no direct writes. */
  #inBlocks: boolean
  #direct: FileHandle | undefined
  /** Begun and not whole yet. */
  readonly #blocks = new Map<number, Block>()
  /** On their way to the disk, one after the other. */
  readonly #sent: Promise<void>[] = []
  #failure: Error | undefined
  /** Every write waits for the one before: two at once on one file only wait for its lock in the kernel. */
  #tail: Promise<void> = Promise.resolve()

  private constructor(path: string, plain: FileHandle, size: number) {
    this.#path = path
    this.#plain = plain
    this.#inBlocks = size >= DIRECT_MIN && constants.O_DIRECT !== undefined
  }

  /** What lies at the path from an earlier try is kept. Throws the system's error. */
  static async open(path: string, size: number): Promise<ArrivingFile> {
    return new ArrivingFile(path, await openPlain(path), size)
  }

  /** The length of what is there already. */
  async size(): Promise<number> {
    return (await this.#plain.stat()).size
  }

  /** The bytes at `offset`; undefined: there are fewer. */
  async read(offset: number, length: number): Promise<Uint8Array | undefined> {
    const { bytesRead, buffer } = await this.#plain.read(new Uint8Array(length), 0, length, offset)
    return bytesRead === length ? buffer : undefined
  }

  /** Resolves when the bytes may be changed again. They are in the file once `close` has resolved. */
  write(bytes: Uint8Array, offset: number): Promise<void> {
    const written = this.#tail.then(() => (this.#inBlocks ? this.#gather(bytes, offset) : this.#put(bytes, offset)))
    this.#tail = written.catch(() => undefined) // its caller sees the failure
    return written
  }

  async #gather(bytes: Uint8Array, offset: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#failure) throw this.#failure
      const from = (offset + at) % BLOCK
      const part = bytes.subarray(at, at + BLOCK - from)
      const start = offset + at - from
      const block = this.#blocks.get(start) ?? (await this.#begin(start))
      block.room.set(part, from)
      block.spans.push({ from, to: from + part.length })
      at += part.length
      if (arrived(block) === BLOCK) this.#send(block)
    }
  }

  /** Waits for room; where all of it is taken by blocks that are not whole, the oldest goes out as it is. */
  async #begin(start: number): Promise<Block> {
    while (this.#blocks.size + this.#sent.length >= BLOCKS_MAX) {
      if (this.#sent.length === 0) this.#send(this.#blocks.values().next().value!)
      await this.#sent[0]
    }
    const block = { room: rooms.pop() ?? newRoom(), start, spans: [] }
    this.#blocks.set(start, block)
    return block
  }

  #send(block: Block): void {
    this.#blocks.delete(block.start)
    const before = this.#sent.at(-1) ?? Promise.resolve()
    const sent = before
      .then(() => this.#flush(block))
      .catch((error: unknown) => {
        this.#failure ??= error as Error
      })
      .finally(() => {
        keepRoom(block.room)
        void this.#sent.shift()
      })
    this.#sent.push(sent)
  }

  async #flush(block: Block): Promise<void> {
    const { start, room, spans } = block
    if (this.#inBlocks && arrived(block) === BLOCK && (await this.#putDirect(room, start))) return
    for (const { from, to } of spans) await this.#put(room.subarray(from, to), start + from)
  }

  /** False: the filesystem does not take it so. */
  async #putDirect(room: Uint8Array, start: number): Promise<boolean> {
    try {
      this.#direct ??= await open(this.#path, DIRECT)
      return (await this.#direct.write(room, 0, BLOCK, start)).bytesWritten === BLOCK
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL') throw error
      this.#inBlocks = false
      return false
    }
  }

  async #put(bytes: Uint8Array, offset: number): Promise<void> {
    for (let at = 0; at < bytes.length;)
      at += (await this.#plain.write(bytes, at, bytes.length - at, offset + at)).bytesWritten
  }

  /** Everything written is in the file then. It is closed also when this throws the system's error. */
  async close(): Promise<void> {
    await this.#tail
    for (const block of [...this.#blocks.values()]) this.#send(block)
    await this.#sent.at(-1)
    await this.#direct?.close()
    await this.#plain.close()
    if (this.#failure) throw this.#failure
  }
}

const arrived = ({ spans }: Block): number => spans.reduce((sum, { from, to }) => sum + to - from, 0)

/** Blocks of memory that no file uses. */
const rooms: Uint8Array[] = []
const ROOMS_KEPT = BLOCKS_MAX
const keepRoom = (room: Uint8Array): void => {
  if (rooms.length < ROOMS_KEPT) rooms.push(room)
}

/** The compiler knows it only together with the DOM. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}
const WASM_PAGE = 65_536

/** Direct writes need memory that begins at a page: of what JavaScript can ask for, only WebAssembly's does. */
const newRoom = (): Uint8Array => new Uint8Array(new WebAssembly.Memory({ initial: BLOCK / WASM_PAGE }).buffer)

const openPlain = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, PARTIAL, 0o600)
  } catch (error) {
    const code = errnoOf(error)
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    await rm(path, { force: true }) // complete and given its read-only mode when a crash came
    return open(path, PARTIAL, 0o600)
  }
}
