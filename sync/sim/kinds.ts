/** What simulated devices write into stores of each type. Types of other layers are given to the world by its caller. */
import { create, toBinary } from '@bufbuild/protobuf'
import { KvOpSchema, LogOpSchema } from '#proto/kv'
import type { StateReader, StoreType } from '#kernel/state/port.ts'

/** A store type as the world lives with it. */
export interface StoreKind {
  readonly type: string
  /** To be registered beside the kernel's own types. */
  readonly register?: StoreType
  /** A random op on the state it will follow; undefined: nothing comes to mind. */
  readonly write: (author: string, random: () => number, state: StateReader) => Uint8Array | undefined
}

const text = new TextEncoder()
const KEYS = 10

/** Puts and deletes of a few of ten keys; on a conflict, one side in three is left standing. */
const kvKind: StoreKind = {
  type: 'core:kv',
  write: (author, random, state) => {
    const chosen = new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => Math.floor(random() * KEYS)))
    const writes = [...chosen].map((n) => {
      const key = text.encode(`k${n}`)
      const heads = state.cells.cell(key)?.heads ?? []
      const keep = heads.length > 1 && random() < 0.3 ? [heads[0]!.hash] : []
      const write =
        random() < 0.8
          ? { case: 'value' as const, value: text.encode(`${author} ${random()}`) }
          : { case: 'delete' as const, value: true }
      return { key, write, keep }
    })
    return toBinary(KvOpSchema, create(KvOpSchema, { writes }))
  },
}

const logKind: StoreKind = {
  type: 'core:log',
  write: (author, random) => {
    const entries = [text.encode(`${author} says ${random()}`)]
    return toBinary(LogOpSchema, create(LogOpSchema, { entries }))
  },
}

export const CORE_KINDS: readonly StoreKind[] = [kvKind, logKind]
