/**
 * Builds the interface into `build/web/`: one page, with scripts and styles beside it under names that hold their
 * hashes. Nothing is inlined, so that `script-src 'self'; style-src 'self'` is all it needs; addresses are relative, so
 * that it runs from any origin and any path.
 */
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: ['chrome114', 'firefox120', 'safari17'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
    // What the first screen needs is one script: in the desktop app each file is a question to a process that has
    // much to do at a start.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'start', tags: ['$initial'] }] } } },
  },
})
