/**
 * For tests: the visible tree and its conflicts worked out from all the cells at once, rule by rule as docs/spec/filestore.md states
 * them, with no index. Slow, and as plain as can be; the indexed tree must equal it.
 */
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { CellReader } from '#kernel/state/port.ts'
import { conflictName } from './conflict-names.ts'
import { compareClaim, compareDots, inodeState, livesByItself, placesOf, sameData, shownContents } from './inode.ts'
import type { InodeState } from './inode.ts'
import type { DeviceName, Inode } from './port.ts'
import { isTrash, LINK_RANGE, ROOT, type Place } from './values.ts'

export interface Seen {
  readonly path: string
  readonly inode: string
  readonly parent: string
  readonly contentHead: string
  readonly conflict: string
}

export interface Clash {
  readonly id: string
  readonly kind: string
  readonly path: string
  /** `hash name` of each, winner first. */
  readonly heads: readonly string[]
}

export interface Projection {
  /** By path. */
  readonly seen: readonly Seen[]
  /** By id. */
  readonly conflicts: readonly Clash[]
}

const hex = bytesToHex

/** Rule "cycles": while there is one, the earliest of its links gives way to the place before it. */
const settle = (inodes: ReadonlyMap<string, InodeState>): Map<string, number> => {
  const levels = new Map<string, number>()
  const up = (state: InodeState): InodeState | undefined => {
    const parent = inodes.get(hex(placesOf(state)[levels.get(hex(state.inode)) ?? 0]!.parent))
    return parent?.kind === 'dir' ? parent : undefined
  }
  const cycleFrom = (start: InodeState): InodeState[] | undefined => {
    const way = [start]
    for (let at = up(start); at; at = up(at)) {
      if (at === start) return way
      if (way.includes(at)) return undefined
      way.push(at)
    }
    return undefined
  }
  for (;;) {
    const dirs = [...inodes.values()].filter(({ kind }) => kind === 'dir')
    const cycle = dirs.map(cycleFrom).find((found) => found !== undefined)
    if (cycle === undefined) return levels
    cycle.sort((a, b) => compareDots(b.head, a.head) || (hex(b.inode) < hex(a.inode) ? -1 : 1))
    const first = hex(cycle[0]!.inode)
    levels.set(first, (levels.get(first) ?? 0) + 1)
  }
}

export const projectNaively = (cells: CellReader, deviceName: DeviceName): Projection => {
  const inodes = new Map<string, InodeState>()
  for (const [key] of cells.cells(LINK_RANGE)) {
    const state = inodeState(cells, key.slice(2) as Inode)
    if (state) inodes.set(hex(state.inode), state)
  }
  const levels = settle(inodes)
  const placeOf = (state: InodeState): Place => placesOf(state)[levels.get(hex(state.inode)) ?? 0]!
  const all = [...inodes.values()]
  const hangsIn = (dir: Inode) => all.filter((state) => hex(placeOf(state).parent) === hex(dir))
  const lives = (state: InodeState): boolean =>
    livesByItself(cells, state) || (state.kind === 'dir' && hangsIn(state.inode).some(lives))

  const seen: Seen[] = []
  const conflicts: Clash[] = []
  const list = (group: readonly Inode[], path: string): void => {
    const here = group.flatMap(hangsIn).filter(lives)
    const names = new Set(here.map((state) => placeOf(state).name))
    for (const name of names) {
      const claimants = here.filter((state) => placeOf(state).name === name).sort(compareClaim)
      const parent = hex(group[0]!)
      const dirs = claimants.filter(({ kind }) => kind === 'dir')
      const used = new Set<string>()
      const firsts: { inode: string; head: string }[] = []
      if (dirs.length > 0) {
        const contentHead = shownContents(cells, dirs[0]!)[0]?.head.hash
        const dir = { inode: hex(dirs[0]!.inode), parent, contentHead: contentHead ? hex(contentHead) : '' }
        seen.push({ path: path + name, ...dir, conflict: 'none' })
        used.add(name)
        firsts.push({ inode: dir.inode, head: `${dir.contentHead || hex(dirs[0]!.head.hash)} ${name}` })
        list(
          dirs.map((dir) => dir.inode),
          `${path}${name}/`,
        )
      }
      const files = claimants.filter(({ kind }) => kind !== 'dir')
      const claims = [
        ...files.map((state) => ({ state, content: shownContents(cells, state)[0]!, lost: false })),
        ...files.flatMap((state) =>
          shownContents(cells, state)
            .slice(1)
            .map((content) => ({ state, content, lost: true })),
        ),
      ]
      const shownAs: string[] = []
      claims.forEach(({ state, content, lost }, i) => {
        const same = (other: (typeof claims)[number]) =>
          other.state.kind === state.kind && sameData(other.content.content, content.content)
        const twin = claims.slice(0, i).findIndex(same)
        if (twin >= 0) {
          shownAs.push(shownAs[twin]!)
          return
        }
        let shown = name
        for (let count = 1; used.has(shown) || (shown !== name && names.has(shown)); count++) {
          const { author, hlc } = lost ? content.head : state.head
          shown = conflictName(name, deviceName(author), hlc, count)
        }
        const plain = used.size === 0
        used.add(shown)
        shownAs.push(shown)
        if (!lost) firsts.push({ inode: hex(state.inode), head: `${hex(content.head.hash)} ${shown}` })
        const why = plain ? 'none' : lost ? 'content' : dirs.length > 0 ? 'kind' : 'name'
        const contentHead = hex(content.head.hash)
        seen.push({ path: path + shown, inode: hex(state.inode), parent, contentHead, conflict: why })
      })
      if (firsts.length > 1)
        conflicts.push({
          id: firsts
            .map(({ inode }) => inode)
            .sort()
            .join('-'),
          kind: dirs.length > 0 ? 'kind' : 'name',
          path: path + name,
          heads: firsts.map(({ head }) => head),
        })
      for (const state of claimants) {
        const own = claims.flatMap((claim, i) =>
          claim.state === state ? [`${hex(claim.content.head.hash)} ${shownAs[i]!}`] : [],
        )
        if (own.length > 1) conflicts.push({ id: hex(state.inode), kind: 'content', path: path + name, heads: own })
        const links = state.links.filter(({ link }) => !isTrash(link.parent))
        if (new Set(links.map(({ link }) => `${hex(link.parent)}/${link.name}`)).size > 1)
          conflicts.push({
            id: `link-${hex(state.inode)}`,
            kind: 'link',
            path: path + name,
            heads: links.map(({ head, link }) => `${hex(head.hash)} ${link.name}`),
          })
      }
    }
  }
  list([ROOT], '')
  return {
    seen: seen.sort((a, b) => (a.path < b.path ? -1 : 1)),
    conflicts: conflicts.sort((a, b) => (a.id < b.id ? -1 : 1)),
  }
}
