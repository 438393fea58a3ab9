import { defineConfig } from "vite";

// What the Go side embeds: dist/manifest.json names the entry, its chunks and
// styles; everything in dist/assets has a name that changes with its content.
// Nothing is inlined: the pages' policy allows no data: addresses.
export default defineConfig({
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: "src/main.tsx",
      // "use client" is for frameworks that render on a server; we have none.
      onwarn: (warning, warn) => {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
});
