/** What the compiler cannot say: layers, purity, promises nobody waits for, functions that grew too long. */
import tseslint from 'typescript-eslint'
import ours from './scripts/eslint-rules.mjs'

const tests = ['**/*.{test,fuzz,bench,campaign}.ts', '**/{testing,model}.ts', '**/testing/**']

/** Folders whose code decides what the replicated state is: no clock, no chance, no environment. */
const pure = ['kernel/core', 'kernel/dag', 'kernel/state', 'fs-bridge/filestore', 'sync/reconcile', 'sync/session']
const impureGlobals = [
  'process',
  'performance',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'crypto',
]

export default tseslint.config(
  { ignores: ['build/', '**/build/', 'proto/gen/', 'node_modules/', 'kernel/cas/assembly/'] },
  {
    files: ['**/*.{ts,tsx,mjs}'],
    plugins: { ours, '@typescript-eslint': tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { parser: tseslint.parser },
    rules: {
      'ours/layers': 'error',
      'max-lines-per-function': ['error', { max: 70, skipComments: true, skipBlankLines: true }],
      'no-debugger': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-throw-literal': 'error',
      'no-empty': 'error',
      'no-fallthrough': 'error',
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts', 'forge.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test'] }] },
      ],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // What was caught may be thrown on as it is.
      'no-throw-literal': 'off', // the next one knows types
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: false, allowThrowingUnknown: true }],
      '@typescript-eslint/ban-ts-comment': 'error',
    },
  },
  {
    files: pure.map((folder) => `${folder}/**/*.ts`),
    ignores: tests,
    rules: {
      'no-restricted-globals': [
        'error',
        ...impureGlobals.map((name) => ({ name, message: 'Comes in as a parameter here.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Comes in as a parameter here.' },
        { object: 'Date', property: 'now', message: 'Comes in as a parameter here.' },
        { object: 'globalThis', property: 'Date', message: 'Comes in as a parameter here.' },
      ],
      // Calendar arithmetic on a given time is pure; asking what time it is is not.
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Comes in as a parameter here.' },
        { selector: "CallExpression[callee.name='Date']", message: 'Comes in as a parameter here.' },
      ],
    },
  },
  {
    files: tests,
    rules: { 'ours/no-sleep': 'error', 'max-lines-per-function': 'off' },
  },
)
