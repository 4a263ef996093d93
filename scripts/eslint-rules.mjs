/** Our own ESLint rules: the layers, and no sleeping in tests. */
import { relative } from 'node:path'
import { importFault } from './layers.mjs'
import { root } from './lib/paths.mjs'

/** @type {import('eslint').Rule.RuleModule} */
const layers = {
  meta: { type: 'problem', schema: [], messages: { fault: '{{fault}}' } },
  create(context) {
    const file = relative(root, context.filename).replaceAll('\\', '/')
    /** @param {any} node the literal that names the module */
    const check = (node) => {
      if (typeof node?.value !== 'string') return
      const fault = importFault(file, node.value)
      if (fault !== undefined) context.report({ node, messageId: 'fault', data: { fault } })
    }
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (/** @type {any} */ node) => check(node.source ?? node.argument?.literal),
    }
  },
}

const sleepMessage = 'a test waits for an event or for a condition, never for time to pass'

/** `await delay(50)`, `new Promise((r) => setTimeout(r, 50))`: neither can be right on a slow machine. */
/** @type {import('eslint').Rule.RuleModule} */
const noSleep = {
  meta: { type: 'problem', schema: [], messages: { sleep: sleepMessage } },
  create(context) {
    /** @param {import('estree').Expression | import('estree').Super} callee */
    const isTimer = (callee) => callee.type === 'Identifier' && callee.name === 'setTimeout'
    return {
      "NewExpression[callee.name='Promise'] > ArrowFunctionExpression"(/** @type {any} */ executor) {
        const body = executor.body.type === 'BlockStatement' ? executor.body.body : [executor.body]
        const only = body.length === 1 ? (body[0].expression ?? body[0].argument ?? body[0]) : undefined
        const resolver = executor.params[0]?.name
        if (only?.type !== 'CallExpression' || !isTimer(only.callee)) return
        if (only.arguments[0]?.name === resolver) context.report({ node: only, messageId: 'sleep' })
      },
      ImportDeclaration(node) {
        if (/^(node:)?timers\/promises$/.test(String(node.source.value))) context.report({ node, messageId: 'sleep' })
      },
    }
  },
}

export default { rules: { layers, 'no-sleep': noSleep } }
