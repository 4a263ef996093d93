/**
 * What the disk must become for one inode: everyone's view of it compared with the index. Pure.
 */
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { Visible } from '../filestore/port.ts'
import type { Entry } from './index-codec.ts'

export interface Step {
  /** What the index has; undefined: it must be created. */
  readonly from: Entry | undefined
  /** What everyone sees; undefined: it must go. */
  readonly to: Visible | undefined
}

const sameHead = (a: Hash | undefined, b: Hash | undefined): boolean => (a && b ? equalBytes(a, b) : a === b)

const atPlace = (entry: Entry, visible: Visible): boolean =>
  entry.visibleName === visible.name && equalBytes(entry.parent, visible.parent)

/** Pairs names on disk with names to be seen: what already fits first, then by content, then by place, then any. */
export const stepsOf = (visible: readonly Visible[], entries: readonly Entry[]): Step[] => {
  const wanted = new Set(visible)
  const left = new Set(entries)
  const steps: Step[] = []
  const pair = (fits: (entry: Entry, to: Visible) => boolean): void => {
    for (const to of wanted) {
      for (const from of left) {
        if (from.kind !== to.kind || !fits(from, to)) continue
        steps.push({ from, to })
        wanted.delete(to)
        left.delete(from)
        break
      }
    }
  }
  pair((from, to) => atPlace(from, to) && sameContentHead(from, to))
  pair(sameContentHead)
  pair(atPlace)
  pair(() => true)
  for (const from of left) steps.push({ from, to: undefined })
  for (const to of wanted) steps.push({ from: undefined, to })
  return steps
}

export const sameContentHead = (entry: Entry, visible: Visible): boolean =>
  entry.kind === 'dir' || sameHead(entry.contentHead, visible.contentHead)

/** Filesystems and doubles round times; what is closer than this is the same time. */
const MTIME_SLACK_NS = 1000n

export const sameAttributes = (entry: Entry, visible: Visible): boolean => {
  const { content } = visible
  if (entry.kind !== 'file' || !content) return true
  const off = entry.stat.mtimeNs - content.mtimeNs
  const time = off <= MTIME_SLACK_NS && -off <= MTIME_SLACK_NS
  return time && (process.platform === 'win32' || (entry.stat.mode & 0o777) === (content.mode & 0o777))
}

/** Nothing to do on disk, and nothing to note in the index. */
export const settled = ({ from, to }: Step): boolean =>
  from !== undefined &&
  to !== undefined &&
  atPlace(from, to) &&
  sameContentHead(from, to) &&
  sameHead(from.linkHead, to.linkHead) &&
  from.conflict === (to.conflict !== 'none') &&
  sameAttributes(from, to)

export const isMove = ({ from, to }: Step): boolean => from !== undefined && to !== undefined && !atPlace(from, to)
