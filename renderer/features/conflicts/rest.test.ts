import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { ListConflictsResponseSchema, type ListConflictsRequest } from '#proto/conflict_api'
import { FolderConflictsSchema } from '#proto/event_api'
import { loadRest, together, totalOf } from './rest.ts'

const info = (n: number) => ({ id: `c${n}`, folder: 'f', path: `${n}` })
const standing = (store: number, ids: number[], next: string, total: number) =>
  create(FolderConflictsSchema, {
    storeId: Uint8Array.of(store),
    conflicts: ids.map(info),
    next,
    total: BigInt(total),
  })

/** A node whose folders have the conflicts `next` names to 9,999, in pages of at most 2,000. */
const client = (asked: Partial<ListConflictsRequest>[]) => ({
  listConflicts: async (request: { folder?: string; after?: string; limit?: number }) => {
    asked.push(request)
    const from = Number(request.after)
    const to = Math.min(10_000, from + request.limit!)
    const conflicts = Array.from({ length: to - from }, (_, i) => info(from + i))
    return create(ListConflictsResponseSchema, { conflicts, next: to === 10_000 ? '' : `${to}` })
  },
})

const never = new AbortController().signal

test('goes on where the events end, folder by folder, until there are as many as wanted', async () => {
  const asked: Partial<ListConflictsRequest>[] = []
  const both = [standing(1, [0], '9000', 1001), standing(2, [1], '', 1), standing(3, [2], '100', 9901)]
  const found = await loadRest(client(asked), both, 1500, never)
  expect(found).toHaveLength(1500)
  expect(asked).toEqual([
    { folder: '01', after: '9000', limit: 1500 },
    { folder: '03', after: '100', limit: 500 },
  ])
  expect(totalOf(both)).toBe(10_903)
})

test('all are read in pages the node allows', async () => {
  const asked: Partial<ListConflictsRequest>[] = []
  const found = await loadRest(client(asked), [standing(1, [], '500', 10_000)], Infinity, never)
  expect(found).toHaveLength(9500)
  expect(Math.max(...asked.map(({ limit }) => limit!))).toBe(2000)
})

test('what moved from a page into what events tell is listed once', () => {
  const all = together([standing(1, [1, 2], 'x', 4)], [info(2), info(3)] as never)
  expect(all.map(({ id }) => id)).toEqual(['c1', 'c2', 'c3'])
})
