/**
 * What the desktop app needs of the language and of Node and the stand-in Electron of the tests lacks: it is older than
 * any that is shipped. Loaded before everything else, in every thread, in tests only.
 */
'use strict'
const crypto = require('node:crypto')
const events = require('node:events')
const tls = require('node:tls')

const add = (target, name, value) => {
  if (target[name] === undefined) Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

add(Symbol, 'dispose', Symbol('Symbol.dispose'))
add(Symbol, 'asyncDispose', Symbol('Symbol.asyncDispose'))
add(globalThis, 'crypto', crypto.webcrypto)
add(crypto, 'hash', (algorithm, data, encoding = 'hex') => {
  const hash = crypto.createHash(algorithm).update(data)
  return encoding === 'buffer' ? hash.digest() : hash.digest(encoding)
})
add(
  globalThis,
  'CustomEvent',
  class CustomEvent extends Event {
    constructor(type, options) {
      super(type, options)
      this.detail = options?.detail ?? null
    }
  },
)
add(
  globalThis,
  'SuppressedError',
  class SuppressedError extends Error {
    constructor(error, suppressed, message) {
      super(message)
      this.error = error
      this.suppressed = suppressed
    }
  },
)
add(Promise, 'withResolvers', function () {
  let resolve, reject
  const promise = new this((yes, no) => ([resolve, reject] = [yes, no]))
  return { promise, resolve, reject }
})
add(Promise, 'try', function (call, ...args) {
  return new this((resolve) => resolve(call(...args)))
})
add(Array, 'fromAsync', async (items, map = (item) => item) => {
  const all = []
  for await (const item of items) all.push(await map(item, all.length))
  return all
})
const groupInto = (groups, items, keyOf, get, set) => {
  let at = 0
  for (const item of items) {
    const key = keyOf(item, at++)
    const group = get(key)
    if (group) group.push(item)
    else set(key, [item])
  }
  return groups
}
add(Map, 'groupBy', (items, keyOf) => {
  const map = new Map()
  return groupInto(
    map,
    items,
    keyOf,
    (key) => map.get(key),
    (key, group) => map.set(key, group),
  )
})
add(Object, 'groupBy', (items, keyOf) => {
  const groups = Object.create(null)
  return groupInto(
    groups,
    items,
    keyOf,
    (key) => groups[key],
    (key, group) => (groups[key] = group),
  )
})
add(AbortSignal, 'any', (signals) => {
  const any = new AbortController()
  const listeners = []
  const abort = (reason) => {
    for (const [signal, listener] of listeners) signal.removeEventListener('abort', listener)
    any.abort(reason)
  }
  for (const signal of signals) {
    if (signal.aborted) {
      abort(signal.reason)
      break
    }
    const listener = () => abort(signal.reason)
    listeners.push([signal, listener])
    signal.addEventListener('abort', listener)
  }
  return any.signal
})
add(URL, 'canParse', (text, base) => {
  try {
    return Boolean(new URL(text, base))
  } catch {
    return false
  }
})

for (const [name, combine] of Object.entries({
  union: (a, b) => [...a, ...b.keys()],
  intersection: (a, b) => [...a].filter((item) => b.has(item)),
  difference: (a, b) => [...a].filter((item) => !b.has(item)),
  symmetricDifference: (a, b) => [
    ...[...a].filter((item) => !b.has(item)),
    ...[...b.keys()].filter((item) => !a.has(item)),
  ],
}))
  add(Set.prototype, name, function (other) {
    return new Set(combine(this, other))
  })
add(Set.prototype, 'isSubsetOf', function (other) {
  return [...this].every((item) => other.has(item))
})
add(Set.prototype, 'isSupersetOf', function (other) {
  return [...other.keys()].every((item) => this.has(item))
})
add(Set.prototype, 'isDisjointFrom', function (other) {
  return ![...this].some((item) => other.has(item))
})

const iterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))
add(iterator, 'map', function* (map) {
  let at = 0
  for (const item of this) yield map(item, at++)
})
add(iterator, 'filter', function* (keep) {
  let at = 0
  for (const item of this) if (keep(item, at++)) yield item
})
add(iterator, 'flatMap', function* (map) {
  let at = 0
  for (const item of this) yield* map(item, at++)
})
add(iterator, 'take', function* (count) {
  if (count <= 0) return
  let left = count
  for (const item of this) {
    yield item
    if (--left === 0) return
  }
})
add(iterator, 'drop', function* (count) {
  let left = count
  for (const item of this) if (left-- <= 0) yield item
})
for (const name of ['some', 'every', 'find', 'reduce', 'forEach'])
  add(iterator, name, function (...args) {
    return [...this][name](...args)
  })
add(iterator, 'toArray', function () {
  return [...this]
})
add(iterator, Symbol.dispose, function () {
  this.return?.()
})

/** Both stacks, which differ in what they wait for only. */
const makeStack = (disposeSymbol, isAsync) => {
  const dispose = (item) => {
    const method = item[disposeSymbol] ?? item[Symbol.dispose]
    return () => method.call(item)
  }
  class Stack {
    #ends = []
    disposed = false
    use(item) {
      if (item !== null && item !== undefined) this.#ends.push(dispose(item))
      return item
    }
    adopt(item, end) {
      this.#ends.push(() => end(item))
      return item
    }
    defer(end) {
      this.#ends.push(end)
    }
    move() {
      const next = new Stack()
      next.#ends = this.#ends
      this.#ends = []
      this.disposed = true
      return next
    }
    takeEnds() {
      this.disposed = true
      return this.#ends.splice(0).reverse()
    }
  }
  const collect = (failure, error) => (failure ? { error: new SuppressedError(error, failure.error) } : { error })
  if (isAsync)
    Stack.prototype.disposeAsync = async function () {
      let failure
      for (const end of this.takeEnds())
        try {
          await end()
        } catch (error) {
          failure = collect(failure, error)
        }
      if (failure) throw failure.error
    }
  else
    Stack.prototype.dispose = function () {
      let failure
      for (const end of this.takeEnds())
        try {
          end()
        } catch (error) {
          failure = collect(failure, error)
        }
      if (failure) throw failure.error
    }
  Stack.prototype[disposeSymbol] = Stack.prototype[isAsync ? 'disposeAsync' : 'dispose']
  return Stack
}
add(globalThis, 'DisposableStack', makeStack(Symbol.dispose, false))
add(globalThis, 'AsyncDisposableStack', makeStack(Symbol.asyncDispose, true))
add(events.EventEmitter.prototype, Symbol.dispose, function () {
  this.removeAllListeners()
})

// It does not ask ALPNCallback but takes the first of the protocols itself, and whoever gave the callback never learns
// which: an answering socket agrees to the last resort only, after which the two sides negotiate within the stream.
tls.TLSSocket = class extends tls.TLSSocket {
  constructor(socket, options) {
    const mustAsk = options?.isServer && options.ALPNCallback !== undefined
    super(socket, mustAsk ? { ...options, ALPNProtocols: options.ALPNProtocols.slice(-1) } : options)
  }
}
