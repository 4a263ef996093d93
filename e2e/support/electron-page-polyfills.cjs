/** What the stand-in Electron lacks in its pages: put into the page's own world before its scripts run. */
'use strict'
const { webFrame } = require('electron')

function addMissing() {
  const add = (target, name, value) => {
    if (target[name] === undefined) Object.defineProperty(target, name, { value, configurable: true, writable: true })
  }
  add(AbortSignal, 'any', (signals) => {
    const any = new AbortController()
    for (const signal of signals) {
      if (signal.aborted) any.abort(signal.reason)
      else signal.addEventListener('abort', () => any.abort(signal.reason), { once: true, signal: any.signal })
    }
    return any.signal
  })
  add(Map, 'groupBy', (items, keyOf) => {
    const groups = new Map()
    let at = 0
    for (const item of items) {
      const key = keyOf(item, at++)
      const group = groups.get(key)
      if (group) group.push(item)
      else groups.set(key, [item])
    }
    return groups
  })
  add(Promise, 'withResolvers', function () {
    let resolve, reject
    const promise = new this((yes, no) => ([resolve, reject] = [yes, no]))
    return { promise, resolve, reject }
  })
}

void webFrame.executeJavaScript(`(${addMissing})()`)
