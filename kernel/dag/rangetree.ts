/**
 * The persistent index that reconciliation runs on: a B+-tree over (timestamp ms, hash) that knows, for every subtree,
 * how many items it holds and the sum of their hashes. Rank, selection, range sums and insertion are O(log n).
 *
 * A reader reads nodes as it needs them. A writer keeps the nodes it touched until `flush`, so a batch of inserts
 * writes each node once; ascending inserts, the common case, touch the rightmost path alone and leave full leaves.
 *
 * Nodes are records of about 2 KB (two to an LMDB page):
 *   header (node 0)  root u32 ‖ next free node u32                         big-endian, as everything here
 *   leaf             00 ‖ items:    timestamp u64 ‖ id 32                  at most 48
 *   inner            01 ‖ children: node u32 ‖ count u48 ‖ sum 32 ‖ least item 40    at most 24
 * The least item of a first child is not used: everything smaller belongs there too.
 */
import type { Hash } from '../core/bytes.ts'
import type { StorageReader, StorageWriter } from '../storage/port.ts'
import { StorageError } from '../storage/errors.ts'
import type { RangeIndex, RangeItem } from './port.ts'
import { addTo, subtractFrom, SUM_LENGTH, zeroSum } from './sum.ts'
import { keyOf, readUint, TABLE, type StoreNumber } from './tables.ts'

const ITEM = 40
const CHILD = 4 + 6 + SUM_LENGTH + ITEM
const LEAF_MAX = 48
const INNER_MAX = 24
/** 24^8 leaves are more than any log has; a deeper tree is a damaged one. */
const DEPTH_MAX = 12

interface Leaf {
  readonly kind: 'leaf'
  /** timestamp ‖ id, 40 bytes each, ascending. */
  items: Uint8Array[]
}
interface Child {
  readonly node: number
  count: number
  readonly sum: Uint8Array
  readonly least: Uint8Array
}
interface Inner {
  readonly kind: 'inner'
  children: Child[]
}
type Node = Leaf | Inner

export class RangeTree implements RangeIndex {
  protected readonly store: StoreNumber
  readonly #reader: StorageReader

  constructor(reader: StorageReader, store: StoreNumber) {
    this.#reader = reader
    this.store = store
  }

  get size(): number {
    const root = this.node(this.root())
    return root ? countOf(root) : 0
  }

  sum(from: number, to: number): Uint8Array {
    const sum = this.#prefixSum(to)
    subtractFrom(sum, this.#prefixSum(from))
    return sum
  }

  at(position: number): RangeItem | undefined {
    for (const item of this.items(position, position + 1)) return item
    return undefined
  }

  *items(from: number, to: number): Generator<RangeItem> {
    const root = this.node(this.root())
    if (root && to > from) yield* this.#itemsOf(root, Math.max(0, from), to)
  }

  lowerBound(timestampMs: bigint, idPrefix: Uint8Array): number {
    const bound = new Uint8Array(8 + idPrefix.length)
    new DataView(bound.buffer).setBigUint64(0, timestampMs)
    bound.set(idPrefix, 8)
    let rank = 0
    let node = this.node(this.root())
    for (let depth = 0; node?.kind === 'inner'; depth++) {
      checkDepth(depth)
      const i = childFor(node.children, bound)
      for (let k = 0; k < i; k++) rank += node.children[k]!.count
      node = this.child(node.children[i]!)
    }
    return node ? rank + itemBound(node.items, bound) : 0
  }

  protected root(): number {
    const header = this.#reader.get(TABLE.ranges, keyOf(this.store, [0, 4]))
    return header ? readUint(header, 0, 4) : 0
  }

  /** Node 0 stands for "no tree yet". */
  protected node(number: number): Node | undefined {
    if (number === 0) return undefined
    const record = this.#reader.get(TABLE.ranges, keyOf(this.store, [number, 4]))
    if (!record) throw damaged(`node ${number} is missing`)
    return decodeNode(record)
  }

  protected child(child: Child): Node {
    const node = this.node(child.node)
    if (!node) throw damaged('a child has no number')
    return node
  }

  #prefixSum(position: number): Uint8Array {
    const sum = zeroSum()
    let left = position
    let node = this.node(this.root())
    for (let depth = 0; node && left > 0; depth++) {
      checkDepth(depth)
      if (node.kind === 'leaf') {
        for (const item of node.items.slice(0, left)) addTo(sum, item, 8)
        return sum
      }
      let next: Child | undefined
      for (const child of node.children) {
        if (child.count > left) {
          next = child
          break
        }
        left -= child.count
        addTo(sum, child.sum)
      }
      node = next && this.child(next)
    }
    return sum
  }

  *#itemsOf(node: Node, from: number, to: number, depth = 0): Generator<RangeItem> {
    checkDepth(depth)
    if (node.kind === 'leaf') {
      for (const item of node.items.slice(from, to)) yield toItem(item)
      return
    }
    let start = 0
    for (const child of node.children) {
      const end = start + child.count
      if (end > from && start < to)
        yield* this.#itemsOf(this.child(child), Math.max(0, from - start), to - start, depth + 1)
      start = end
    }
  }
}

/** A tree inside a transaction. Nothing reaches storage before `flush`. */
export class RangeTreeWriter extends RangeTree {
  readonly #tx: StorageWriter
  readonly #nodes = new Map<number, Node>()
  readonly #dirty = new Set<number>()
  #root: number
  #next: number

  constructor(tx: StorageWriter, store: StoreNumber) {
    super(tx, store)
    this.#tx = tx
    const header = tx.get(TABLE.ranges, keyOf(store, [0, 4]))
    this.#root = header ? readUint(header, 0, 4) : 0
    this.#next = header ? readUint(header, 4, 4) : 1
  }

  /** Adds an item; one that is there already is left alone. */
  insert(timestampMs: bigint, id: Hash): void {
    const item = new Uint8Array(ITEM)
    new DataView(item.buffer).setBigUint64(0, timestampMs)
    item.set(id, 8)
    if (this.#root === 0) this.#root = this.#allocate({ kind: 'leaf', items: [] })
    const grown = this.#insertInto(this.#root, item)
    if (grown === 'known' || grown === 'fits') return
    const left: Child = { node: this.#root, ...summary(this.#nodes.get(this.#root)!), least: new Uint8Array(ITEM) }
    this.#root = this.#allocate({ kind: 'inner', children: [left, grown] })
  }

  flush(): void {
    for (const number of this.#dirty)
      this.#tx.put(TABLE.ranges, keyOf(this.store, [number, 4]), encodeNode(this.#nodes.get(number)!))
    if (this.#dirty.size > 0) this.#tx.put(TABLE.ranges, keyOf(this.store, [0, 4]), keyOf(this.#root, [this.#next, 4]))
    this.#dirty.clear()
  }

  protected override root(): number {
    return this.#root
  }

  protected override node(number: number): Node | undefined {
    const known = this.#nodes.get(number)
    if (known) return known
    const node = super.node(number)
    if (node) this.#nodes.set(number, node)
    return node
  }

  #allocate(node: Node): number {
    const number = this.#next++
    this.#nodes.set(number, node)
    this.#dirty.add(number)
    return number
  }

  /** Returns the new right sibling when the node had to be split. */
  #insertInto(number: number, item: Uint8Array): 'known' | 'fits' | Child {
    const node = this.node(number)!
    if (node.kind === 'leaf') return this.#insertIntoLeaf(number, node, item)
    const i = childFor(node.children, item)
    const child = node.children[i]!
    const grown = this.#insertInto(child.node, item)
    if (grown === 'known') return 'known'
    this.#dirty.add(number)
    child.count++
    addTo(child.sum, item, 8)
    if (grown === 'fits') return 'fits'
    child.count -= grown.count
    subtractFrom(child.sum, grown.sum)
    node.children.splice(i + 1, 0, grown)
    if (node.children.length <= INNER_MAX) return 'fits'
    const at = i + 1 === INNER_MAX ? INNER_MAX : INNER_MAX >> 1
    return this.#split({ kind: 'inner', children: node.children.splice(at) })
  }

  #insertIntoLeaf(number: number, leaf: Leaf, item: Uint8Array): 'known' | 'fits' | Child {
    const i = itemBound(leaf.items, item)
    if (leaf.items[i] && compareItem(leaf.items[i], item) === 0) return 'known'
    this.#dirty.add(number)
    leaf.items.splice(i, 0, item)
    if (leaf.items.length <= LEAF_MAX) return 'fits'
    const at = i === LEAF_MAX ? LEAF_MAX : LEAF_MAX >> 1
    return this.#split({ kind: 'leaf', items: leaf.items.splice(at) })
  }

  #split(right: Node): Child {
    const least = right.kind === 'leaf' ? right.items[0]! : right.children[0]!.least
    return { node: this.#allocate(right), ...summary(right), least }
  }
}

const damaged = (why: string) => new StorageError('store-corrupt', `the reconciliation index is damaged: ${why}`)

const checkDepth = (depth: number): void => {
  if (depth > DEPTH_MAX) throw damaged('it is too deep')
}

/** Byte-wise over the bound's length: a shorter bound is less than everything it is a prefix of. */
const compareItem = (item: Uint8Array, bound: Uint8Array): number => {
  for (let i = 0; i < bound.length && i < ITEM; i++) {
    const d = item[i]! - bound[i]!
    if (d !== 0) return d
  }
  return bound.length > ITEM ? -1 : 0
}

/** Position of the first item not less than the bound. */
const itemBound = (items: readonly Uint8Array[], bound: Uint8Array): number => {
  if (items.length > 0 && compareItem(items[items.length - 1]!, bound) < 0) return items.length
  let low = 0
  let high = items.length
  while (low < high) {
    const mid = (low + high) >>> 1
    if (compareItem(items[mid]!, bound) < 0) low = mid + 1
    else high = mid
  }
  return low
}

/** The child whose subtree holds the first item not less than the bound (or where such an item belongs). */
const childFor = (children: readonly Child[], bound: Uint8Array): number => {
  let i = children.length - 1
  while (i > 0 && !startsAtOrBefore(children[i]!.least, bound)) i--
  return i
}

const startsAtOrBefore = (least: Uint8Array, bound: Uint8Array): boolean => {
  const d = compareItem(least, bound)
  // A partial bound that is a prefix of `least` lies before it.
  return d < 0 || (d === 0 && bound.length >= ITEM)
}

const countOf = (node: Node): number =>
  node.kind === 'leaf' ? node.items.length : node.children.reduce((n, child) => n + child.count, 0)

const summary = (node: Node): { count: number; sum: Uint8Array } => {
  const sum = zeroSum()
  if (node.kind === 'leaf') for (const item of node.items) addTo(sum, item, 8)
  else for (const child of node.children) addTo(sum, child.sum)
  return { count: countOf(node), sum }
}

const toItem = (item: Uint8Array): RangeItem => ({
  timestampMs: new DataView(item.buffer, item.byteOffset, 8).getBigUint64(0),
  id: item.slice(8) as Hash,
})

const encodeNode = (node: Node): Uint8Array => {
  if (node.kind === 'leaf') {
    const out = new Uint8Array(1 + node.items.length * ITEM)
    node.items.forEach((item, i) => out.set(item, 1 + i * ITEM))
    return out
  }
  const out = new Uint8Array(1 + node.children.length * CHILD)
  out[0] = 1
  node.children.forEach((child, i) => {
    out.set(keyOf(child.node, [child.count, 6], child.sum, child.least), 1 + i * CHILD)
  })
  return out
}

const decodeNode = (record: Uint8Array): Node => {
  const width = record[0] === 0 ? ITEM : record[0] === 1 ? CHILD : 0
  if (width === 0 || (record.length - 1) % width !== 0) throw damaged('a node is malformed')
  const parts: Uint8Array[] = []
  for (let at = 1; at < record.length; at += width) parts.push(record.subarray(at, at + width))
  if (width === ITEM) return { kind: 'leaf', items: parts }
  if (parts.length === 0) throw damaged('an inner node is empty')
  const children = parts.map((part) => ({
    node: readUint(part, 0, 4),
    count: readUint(part, 4, 6),
    sum: part.slice(10, 10 + SUM_LENGTH),
    least: part.slice(10 + SUM_LENGTH),
  }))
  return { kind: 'inner', children }
}
