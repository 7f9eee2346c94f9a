import Plots

/// How the pages look: on a screen of any width, light or dark, and on paper.
enum HTMLStyle {
    static let sheet = HTML(
        stringLiteral: """

            :root{--page:#fff;--ink:#1f2933;--soft:#52606d;--line:#d5dce4;--band:#f5f7fa;--link:#0b5cad;--warn:#fff4d6;
            --shade:#1f293338}
            *{box-sizing:border-box}
            body{margin:0 auto;max-width:78rem;padding:1rem 1.25rem 3rem;background:var(--page);color:var(--ink);
            font:16px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif}
            h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0 1rem;overflow-wrap:anywhere}
            h2{font-size:1.3rem;margin:2.5rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--line)}
            h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
            p{max-width:46rem;margin:.5rem 0;overflow-wrap:anywhere}
            a{color:var(--link)}
            nav ol{columns:15rem;column-gap:1.5rem;margin:0;padding:0}nav li{margin-left:1.75rem;break-inside:avoid}
            .notice{max-width:48rem;background:var(--warn);padding:.75rem 1rem;border-radius:.5rem}
            .scroll{overflow-x:auto;margin:.75rem 0;scrollbar-width:thin;background:
            linear-gradient(90deg,var(--page) 50%,transparent) 0/2rem 100% no-repeat local,
            linear-gradient(-90deg,var(--page) 50%,transparent) 100%/2rem 100% no-repeat local,
            linear-gradient(90deg,var(--shade),transparent) 0/1rem 100% no-repeat,
            linear-gradient(-90deg,var(--shade),transparent) 100%/1rem 100% no-repeat}
            .scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
            table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
            caption{text-align:left;color:var(--soft);padding-bottom:.35rem}
            .wide{font-size:.8125rem}.wide th,.wide td{padding-right:.5rem}
            .sortable tbody th{position:sticky;left:0;background:var(--page)}
            th,td{padding:.3rem .65rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
            thead th{vertical-align:bottom}
            tbody th{font-weight:500;overflow-wrap:anywhere;min-width:8rem;max-width:20rem}
            .number{text-align:right}td.number{white-space:nowrap}
            .rule th,.rule td{border-top:2px solid var(--soft)}
            th button{font:inherit;color:inherit;background:none;border:0;padding:0;min-height:1.5rem;text-align:inherit;
            cursor:pointer}
            th button:hover{text-decoration:underline}
            th button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
            th button::after{content:"\\A0\\2195";color:var(--soft)}
            [aria-sort=ascending] button::after{content:"\\A0\\25B2"}[aria-sort=descending] button::after{content:"\\A0\\25BC"}
            .sorted .rule th,.sorted .rule td{border-top:0}
            .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:.75rem;max-width:60rem}
            .cards div{background:var(--band);border-radius:.5rem;padding:.75rem 1rem}
            dt{color:var(--soft);font-size:.875rem}dd{margin:0;font-size:.875rem;font-variant-numeric:tabular-nums}
            dd strong{display:block;font-size:1.6rem;line-height:1.3}
            figure{margin:1rem 0}
            figcaption{color:var(--soft);font-size:.875rem;max-width:46rem}
            svg{display:block}svg>[height="100%"][fill]{fill:none}
            .panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(258px,1fr));gap:.5rem}
            .mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(20.5rem,1fr));gap:1rem;padding:0;
            list-style:none}.mistakes div{display:flex;gap:.5rem}
            .mistakes li{font-size:.8125rem;line-height:1.35;overflow-wrap:anywhere}
            .mistakes img,.mistakes .gone{width:160px;max-width:calc(50% - .25rem);height:160px;object-fit:contain;
            background:#000;border-radius:.35rem;margin-bottom:.35rem}
            .mistakes .gone{background:var(--band);color:var(--soft);padding:.5rem}
            code,pre{font:.875em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
            pre{background:var(--band);padding:.75rem 1rem;border-radius:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}
            footer{margin-top:3rem;color:var(--soft)}
            @media screen and (prefers-color-scheme:dark){
            :root{--page:#1b2027;--ink:#e4e8ee;--soft:#a9b4c1;--line:#37414d;--band:#232a33;--link:#7cb8f2;--warn:#3d3520;
            --shade:#0009}
            \(Palette.darkRules)}
            @page{margin:14mm}
            @media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}.scroll{overflow:visible;background:none}
            svg{max-width:100%;height:auto}table{font-size:7.5pt}figure,tr,.mistakes li{break-inside:avoid}h2,h3{break-after:avoid}
            .wide{font-size:6.2pt}.wide th,.wide td{padding-right:.25rem}
            .panels{grid-template-columns:repeat(3,1fr)}th button::after{content:none}
            .cards div,.notice,pre{border:1px solid var(--line)}.mistakes{grid-template-columns:repeat(2,1fr)}}

            """)
}
