/** What Vite adds to the language: `import.meta.glob`, and styles that are imported for their effect. */
/// <reference types="vite/types/importMeta.d.ts" />
declare module '*.css'
